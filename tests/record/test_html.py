"""The web page of a result: whole, safe whatever the names are, and content with itself."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rampdeck.model import RequestBatch
from rampdeck.record.html import Page, html
from rampdeck.record.result import ErrorResult, Result
from rampdeck.record.timeline import Timeline, recent, timeline
from rampdeck.snapshot import Spread, Spreads, Trend
from tests.record.helpers import BEGAN, result, session

HOSTILE = (
    "<script>alert(1)</script><img src=http://e/x onerror=alert(2)> \" ' & ]]> --> </style>\x1b[31m\udcff"
)
VOID = {"meta", "line", "path", "circle", "polyline"}


class Checker(HTMLParser):
    """Reads a page strictly: every tag is closed, and what it would fetch is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def made(of: Result | None = None, **extra: object) -> Page:
    batches: list[RequestBatch] = []
    played, _, _ = session(lambda item: batches.append(item) if isinstance(item, RequestBatch) else None)
    whole = played.book.whole
    spreads = {key: tally.spreads() for key, tally in whole.names.items()}
    page = Page(of or result(), timeline(batches), spreads, whole.total.spreads())
    return replace(page, **extra)  # type: ignore[arg-type]


def test_the_page_says_everything_the_verdict_first() -> None:
    written = html(made())
    checker = checked(written)
    body = unescape(written[written.index("<main>") :])
    place = 0
    for piece in (
        "FAIL", "checkout-peak", ">Timeline<", ">Thresholds<", "p95 < 800ms", ">Load levels<", "baseline",
        ">Requests<", "/checkout/", ">Worst errors<", "504 Server Error", ">Behind the load levels<",
        "Statements of step 2", "SELECT * FROM `stock`", ">Findings<",
        "pid 4121 held a row lock", ">Can this run be trusted?<", "postgres@db-1", ">Release<", "8f3c1d2",
    ):  # fmt: skip
        place = body.index(piece, place)
    for column in ("p50", "p90", "p95", "p99", "p99.9", "p99.99"):
        assert f">{column}</th>" in body
    assert "svg" in checker.tags


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = html(made())
    checker = checked(page)
    assert checker.fetched == []
    assert not {"script", "link", "img", "iframe"} & checker.tags
    assert not re.search(r"url\(|@import", page)
    assert "default-src 'none'" in page


def test_hostile_names_are_text() -> None:
    base = result(HOSTILE)
    request = replace(base.requests[0], name=HOSTILE, method=HOSTILE)
    step = replace(base.steps[0], stage=HOSTILE, cause=HOSTILE)
    finding = replace(base.findings[0], layer=HOSTILE, severity=HOSTILE, text=HOSTILE, evidence=(HOSTILE,))
    source = replace(base.sources[0], name=HOSTILE, host=HOSTILE, reason=HOSTILE)
    hostile = replace(
        base,
        host=HOSTILE,
        requests=(request,),
        steps=(step,),
        findings=(finding,),
        sources=(source,),
        errors=(ErrorResult(HOSTILE, HOSTILE, HOSTILE, 1),),
        tables=(replace(base.tables[0], source=HOSTILE, title=HOSTILE, rows=({"query": HOSTILE},)),),
        doubts=(HOSTILE,),
        reasons=(HOSTILE,),
        session=Path(HOSTILE),
    )
    written = html(made(hostile, timeline_note=HOSTILE))
    assert not {"script", "img"} & checked(written).tags
    written.encode()


def test_secrets_do_not_reach_the_page() -> None:
    base = result("password=hunter2")
    request = replace(base.requests[0], name="/login?token=hunter2")
    error = ErrorResult("GET", "/?api_key=hunter2", "Authorization: Bearer hunter2hunter2", 3)
    secret = replace(
        base,
        requests=(request,),
        errors=(error,),
        host="https://user:hunter2@staging",
        reasons=("secret=hunter2",),
    )
    assert "hunter2" not in html(made(secret))


def test_a_run_without_requests_has_a_page_too() -> None:
    empty = replace(result(), requests=(), steps=(), errors=(), thresholds=(), findings=(), began=None)
    page = html(Page(empty, Timeline(0.0, 1.0, ())))
    assert "svg" not in checked(page).tags
    assert "There was no load" in page


def test_without_a_session_file_the_page_shows_the_last_minutes_and_says_so() -> None:
    trend = Trend(p95=(10.0, None, 20.0), users=(1, 2, 3), rps=(5.0, 0.0, 6.0), error_rate=(0.0, None, 0.5))
    page = html(made(timeline=recent(trend, BEGAN.utc), timeline_note="only the last minutes"))
    assert "svg" in checked(page).tags
    assert "only the last minutes" in page


def test_the_generators_share_has_columns_where_the_wire_clock_ran() -> None:
    plain = made()
    without = replace(plain, total=replace(plain.total, delay=Spread()))
    assert "Locust p95" not in html(without)
    spread = replace(plain.total.all, count=5, p95=7.0)
    stamped = replace(plain.total, delay=spread, locust=replace(spread, p95=47.0))
    page = html(replace(plain, total=stamped, spreads={key: Spreads() for key in plain.spreads}))
    assert "Locust p95" in page
    assert "+7.0" in page


def test_a_long_run_is_drawn_in_few_columns_and_its_worst_second_still_shows() -> None:
    base: list[RequestBatch] = []
    session(lambda item: base.append(item) if isinstance(item, RequestBatch) else None)
    quick, slow = base[0], base[-1]
    batches = [
        replace(slow if second == 4_000 else quick, at=BEGAN.plus(second + 1.0)) for second in range(7_200)
    ]
    line = timeline(batches)
    assert len(line.columns) <= 360
    assert line.seconds == 7_200
    peaks = [column.p95 for column in line.columns if column and column.p95 is not None]
    assert max(peaks) > 5 * min(peaks)
    assert len(html(made(timeline=line))) < 100_000


def test_a_pause_in_the_load_is_a_gap() -> None:
    base: list[RequestBatch] = []
    session(lambda item: base.append(item) if isinstance(item, RequestBatch) else None)
    batches = [replace(base[0], at=BEGAN.plus(second)) for second in (1.0, 2.0, 9.0, 10.0)]
    columns = timeline(batches).columns
    assert [place for place, column in enumerate(columns) if column is None] == [2, 3, 4, 5, 6, 7]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_opens_it_from_disk_without_a_request_or_a_complaint(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"http://127.0.0.1:{server.getsockname()[1]}/"
        bait = f'<img src="{here}x"><link rel=stylesheet href={here}><script src="{here}"></script>{HOSTILE}'
        page = html(made(replace(result(bait), host=here, reasons=(bait,))))
        assert browsed(tmp_path, page) == []
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        (complaint,) = browsed(tmp_path, page.replace("</main>", f'<img src="{here}x"></main>'))
        assert "Content Security Policy" in complaint, "even a mistake of ours would fetch nothing"


def browsed(folder: Path, page: str) -> list[str]:
    """Open a page in a browser; returns what its console says."""
    (folder / "report.html").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
            *("--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}"),
            *(f"--screenshot={folder / 'shot.png'}", (folder / "report.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (folder / "shot.png").stat().st_size > 5_000
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]
