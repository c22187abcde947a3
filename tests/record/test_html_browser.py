"""The report in a real browser, opened from the disk: it asks for nothing, and everything on it works."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rampdeck.record.html import html
from rampdeck.record.track import Line
from tests.record import chromium
from tests.record.chromium import Browser
from tests.record.pages import page
from tests.record.test_html import HOSTILE, hostile
from tests.record.test_timeline import levels_of

pytestmark = pytest.mark.skipif(chromium.path() is None, reason="chromium is not installed")

PAGE = page()
CHARTS = 7
COLOURS = """
[...document.querySelectorAll('#charts canvas')].map(canvas => {
    const { width, height } = canvas, seen = new Set();
    const all = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    for (let at = 0; at < all.length; at += 4) if (all[at + 3]) seen.add(all.slice(at, at + 3).join());
    return seen.size;
})
"""
PICTURES = "[...document.querySelectorAll('#charts canvas')].map(canvas => canvas.toDataURL())"
PLOT = """
(() => { const it = document.querySelectorAll('#charts .u-over')[2].getBoundingClientRect();
         return [it.left, it.top, it.width, it.height]; })()
"""
RANGES = "rampdeck.plots.map(plot => [plot.scales.x.min, plot.scales.x.max])"
READ = "document.querySelector('.readout').innerText"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def report(browser: Browser, tmp_path: Path) -> Browser:
    """The browser with the report open, at its timeline."""
    browser.resize(1_280, 900)
    browser.colours("light")
    opened(browser, tmp_path, html(PAGE))
    browser.run("document.getElementById('timeline').scrollIntoView()")
    browser.settle()
    return browser


def opened(browser: Browser, folder: Path, written: str) -> None:
    (folder / "report.html").write_text(written, encoding="utf-8")
    browser.open(folder / "report.html")


def asked_of(server: socket.socket) -> bytes:
    """Return what was sent to a server; a browser may dial for a frame that it then does not ask for."""
    asked = b""
    server.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(TimeoutError):
                connection.settimeout(0.5)
                asked += connection.recv(1_000)
    return asked


def across(browser: Browser, *shares: float) -> list[tuple[float, float]]:
    """Return places on the chart of response times, by their share of its width."""
    left, top, width, height = browser.run(PLOT)
    return [(left + share * width, top + height / 2) for share in shares]


def test_it_opens_from_disk_without_a_request_or_a_complaint(report: Browser, tmp_path: Path) -> None:
    assert report.requests == [(tmp_path / "report.html").as_uri()]
    assert report.complaints == []
    assert len(report.shot(tmp_path / "report.png", whole=True)) > 100_000


def test_even_a_mistake_of_ours_would_fetch_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"http://127.0.0.1:{server.getsockname()[1]}/"
        bait = (
            f'<img src="{here}1"><link rel=stylesheet href={here}2><script src="{here}3"></script>'
            f"<iframe src={here}4></iframe><script>document.title = 'run'</script>"
            f"<p onclick=\"document.title = 'run'\" id=bait style='background: url({here}5)'>x</p>"
        )
        opened(browser, tmp_path, html(PAGE).replace("<main>", f"<main>{bait}"))
        browser.run("document.getElementById('bait').click()")
        assert browser.run("document.title") == "FAIL: checkout-peak"
        assert len(browser.complaints) >= 6
        assert all("Content Security Policy" in complaint for complaint in browser.complaints)
        assert asked_of(server) == b""


@pytest.mark.parametrize(
    "name", [HOSTILE, "\u202egpj.exe\u2066", "y" * 10_000], ids=["markup", "direction", "long"]
)
def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path, name: str) -> None:
    opened(browser, tmp_path, html(hostile(name)))
    assert browser.complaints == []
    assert len(browser.requests) == 1
    assert browser.run("document.images.length + document.scripts.length") == 3
    assert browser.run("rampdeck.plots.length") == CHARTS - 1, "nothing is judged by that name"
    wide = browser.run("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "a long name does not push the page out of its window"


def test_every_chart_is_drawn(report: Browser) -> None:
    colours = report.run(COLOURS)
    assert len(colours) == CHARTS
    assert min(colours) > 20
    assert report.run("getComputedStyle(document.querySelector('.still')).display") == "none"


def test_pointing_at_a_chart_shows_every_value_of_that_second(report: Browser) -> None:
    assert "Highest of the whole run" in report.run(READ)
    ((x, y),) = across(report, 400 / 599)
    report.mouse("mouseMoved", x, y)
    report.settle()
    told = report.run(READ)
    line = PAGE.timeline
    assert line.p95.values[400] is not None
    assert f"{line.p95.values[400]:,.0f}".replace(",", "\u2009") + "\u2009ms" in told
    for part in ("12:27:37 UTC", "+06:40", "step 4 peak · 400 users", "CPU web-1", "CPU db-1", "400"):
        assert part in told
    assert "✖ p95 < 800ms" in told, "what goes on in that second stands there too"
    at = report.run("rampdeck.plots.map(plot => plot.cursor.idx)")
    assert at == [400] * CHARTS, "all charts show the same second"
    report.mouse("mouseMoved", x, 5)
    report.settle()
    assert "Highest of the whole run" in report.run(READ)


def test_a_gap_reads_as_nothing_and_not_as_zero(report: Browser) -> None:
    second = 360 + 75
    ((x, y),) = across(report, second / 599)
    report.mouse("mouseMoved", x, y)
    report.settle()
    found = (
        "[...document.querySelectorAll('.readout dl div')].find(it => it.innerText.includes('connections'))"
    )
    assert report.run(f"{found}.querySelector('dd').innerText") == "–"
    assert "postgres@db-1 not seen" in report.run(READ)


def test_dragging_zooms_all_charts_and_a_double_click_shows_all_again(report: Browser) -> None:
    whole = report.run(RANGES)
    assert whole == [[0, 599]] * CHARTS
    begin, end = across(report, 0.62, 0.78)
    report.mouse("mouseMoved", *begin)
    report.mouse("mousePressed", *begin, clicks=1)
    report.mouse("mouseMoved", (begin[0] + end[0]) / 2, end[1], clicks=1)
    report.mouse("mouseMoved", *end, clicks=1)
    report.mouse("mouseReleased", *end, clicks=1)
    report.settle()
    zoomed = report.run(RANGES)
    assert zoomed == [zoomed[0]] * CHARTS
    assert zoomed[0] == [pytest.approx(0.62 * 599, abs=2), pytest.approx(0.78 * 599, abs=2)]
    lanes = "[...document.querySelectorAll('.lane.step .span')].map(it => it.hidden)"
    assert report.run(lanes) == [True, True, True, False, True], "the lanes go along"
    for clicks in (1, 2):
        report.mouse("mousePressed", *begin, clicks=clicks)
        report.mouse("mouseReleased", *begin, clicks=clicks)
    report.settle()
    assert report.run(RANGES) == whole


def test_a_load_level_is_zoomed_to_by_its_name_and_the_keyboard_moves_and_zooms(report: Browser) -> None:
    report.run("document.querySelectorAll('.lane.step .span')[3].click()")
    assert report.run(RANGES)[2] == [pytest.approx(360, abs=1), pytest.approx(480, abs=1)]
    report.run("document.getElementById('charts').focus()")
    report.key("Escape")
    report.key("Home")
    for _ in range(3):
        report.key("ArrowRight")
    report.settle()
    assert report.run("rampdeck.plots[0].cursor.idx") == 3
    assert "+00:03" in report.run(READ)
    report.key("+")
    report.settle()
    low, high = report.run(RANGES)[5]
    assert high - low == pytest.approx(300, abs=5)


def test_a_lane_keeps_its_name_when_its_first_breach_is_zoomed_out_of_sight(
    browser: Browser, tmp_path: Path
) -> None:
    view = replace(PAGE.result.thresholds[0], breaches=2)
    steps = levels_of([(2, 20, 90.0), (4, 30, 60.0)], view)
    shown = replace(PAGE.result, thresholds=(view,), steps=steps)
    opened(browser, tmp_path, html(replace(PAGE, result=shown)))
    name = "document.querySelector('.lane.breach .aside')"
    assert browser.run(f"{name}.hidden") is False
    browser.run("document.querySelectorAll('.lane.step .span')[3].click()")
    browser.settle()
    assert browser.run("[...document.querySelectorAll('.lane.breach .span')].map(it => it.hidden)") == [
        True,
        False,
    ]
    assert browser.run(f"{name}.hidden") is False
    assert browser.run(f"{name}.innerText") == "✖ p95 < 800ms"
    browser.run("document.querySelectorAll('.lane.step .span')[0].click()")
    browser.settle()
    assert browser.run(f"{name}.hidden") is True, "nothing of it is in sight"


def test_a_level_without_room_for_its_name_shows_its_number(report: Browser) -> None:
    names = "[...document.querySelectorAll('.lane.step .span')].map(it => it.innerText)"
    assert report.run(names)[3] == "✖ 4 peak · 400 users"
    report.resize(390, 844)
    report.settle()
    report.settle()
    assert report.run(names) == ["1", "2", "3", "4", "5"]


def test_what_is_folded_is_printed_and_folded_again(report: Browser, tmp_path: Path) -> None:
    report.run(
        "addEventListener('beforeprint', "
        "() => (window.shown = document.querySelectorAll('details[open]').length))"
    )
    report.printed(tmp_path / "report.pdf")
    assert report.run("window.shown") == report.run("document.querySelectorAll('details').length") > 0
    assert report.run("document.querySelectorAll('details[open]').length") == 0


def test_no_table_of_ordinary_requests_is_cut_at_its_edge(report: Browser) -> None:
    cells = "document.querySelectorAll('#requests td:not(.left)')"
    report.run(f"{cells}.forEach(cell => (cell.textContent = '10\\u2009618'))")
    wide = "(it => it.scrollWidth - it.clientWidth)(document.querySelector('#requests .scroll'))"
    assert report.run(wide) <= 0


def test_percentiles_are_drawn_when_asked_for(report: Browser) -> None:
    before = report.run(PICTURES)
    chip = "[...document.querySelectorAll('.chip')].find(it => it.innerText === 'p99')"
    assert report.run(f"{chip}.getAttribute('aria-pressed')") == "false"
    report.run(f"{chip}.click()")
    report.settle()
    after = report.run(PICTURES)
    assert [one != other for one, other in zip(before, after, strict=True)] == [n == 2 for n in range(CHARTS)]
    assert "p99" in report.run(READ)


def test_tables_are_sorted_by_click_and_by_keyboard(report: Browser) -> None:
    rows = "[...document.querySelector('#requests table').tBodies[0].rows].map(row => row.cells[2].innerText)"
    head = "document.querySelector('#requests table').tHead.rows[0].cells[2]"
    report.run(f"{head}.querySelector('button').click()")
    assert report.run(f"{head}.getAttribute('aria-sort')") == "descending"
    counts = [int(cell.replace("\u2009", "")) for cell in report.run(rows)]
    assert counts == sorted(counts, reverse=True)
    report.run(f"{head}.querySelector('button').focus()")
    report.key("Enter")
    assert report.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    counts = [int(cell.replace("\u2009", "")) for cell in report.run(rows)]
    assert counts == sorted(counts)
    assert report.run("document.querySelector('#requests tfoot').innerText").startswith("all")
    assert report.run("document.querySelectorAll('#requests [aria-sort]').length") == 1


def test_a_column_with_nothing_in_some_rows_has_these_last_either_way(report: Browser) -> None:
    head = "document.querySelector('#thresholds table').tHead.rows[0].cells[4].querySelector('button')"
    last = "[...document.querySelector('#thresholds table').tBodies[0].rows].at(-1).cells[4].innerText"
    for _ in range(2):
        report.run(f"{head}.click()")
        assert report.run(last) == "–"


def test_dark_is_dark_by_the_system_s_wish_and_by_the_button(report: Browser, tmp_path: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, drawn = report.run(paper), report.run(PICTURES)
    report.colours("dark")
    dark = report.run(paper)
    assert dark != light
    assert all(one != other for one, other in zip(drawn, report.run(PICTURES), strict=True))
    report.shot(tmp_path / "dark.png")
    report.run("document.getElementById('theme').click()")
    report.settle()
    assert report.run(paper) == light
    assert report.run(PICTURES) == drawn


def test_it_reads_on_a_phone(report: Browser, tmp_path: Path) -> None:
    report.resize(390, 844)
    report.settle()
    report.settle()
    assert report.run("document.documentElement.scrollWidth") <= 390
    assert (
        report.run("Math.max(...rampdeck.plots.map(plot => plot.root.getBoundingClientRect().right))") <= 390
    )
    report.shot(tmp_path / "phone.png")


def test_it_prints_whole_and_without_script_there_is_a_still_picture(
    browser: Browser, tmp_path: Path
) -> None:
    opened(browser, tmp_path, html(PAGE))
    assert browser.printed(tmp_path / "report.pdf").startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = "['.still', '#charts', 'nav'].map(it => getComputedStyle(document.querySelector(it)).display)"
    assert browser.run(shown) == ["block", "none", "none"]
    overflowing = "[...document.querySelectorAll('.scroll')].map(it => getComputedStyle(it).overflowX)"
    assert set(browser.run(overflowing)) == {"visible"}
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(tmp_path / "report.html", settled=False)
        assert browser.complaints == []
        browser.shot(tmp_path / "without-script.png")
        nodes = browser.call("DOM.getDocument")["root"]["nodeId"]
        still = browser.call("DOM.querySelector", nodeId=nodes, selector=".still svg")["nodeId"]
        assert browser.call("DOM.getBoxModel", nodeId=still)["model"]["height"] > 300
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_wide_columns_read_with_their_range(browser: Browser, tmp_path: Path) -> None:
    line = PAGE.timeline
    lows = tuple(value and value / 2 for value in line.p95.values)
    wide = replace(line, width=3.0, p95=Line(line.p95.values, lows, line.p95.values))
    opened(browser, tmp_path, html(replace(PAGE, timeline=wide)))
    assert browser.complaints == []
    browser.run("document.getElementById('timeline').scrollIntoView()")
    browser.settle()
    ((x, y),) = across(browser, 0.5)
    browser.mouse("mouseMoved", x, y)
    browser.settle()
    assert "…" in browser.run(READ)


@pytest.mark.parametrize("length", [1, 0])
def test_a_run_of_a_second_or_of_nothing_opens_too(browser: Browser, tmp_path: Path, length: int) -> None:
    line = PAGE.timeline
    shown = replace(
        line,
        count=length,
        users=Line(line.users.values[:length]),
        rps=Line(line.rps.values[:length]),
        p50=Line(),
        p95=Line(line.p95.values[:length]),
        p99=Line(),
        error_rate=Line(line.error_rate.values[:length]),
        tracks={},
        steps=(),
    )
    opened(browser, tmp_path, html(replace(PAGE, timeline=shown)))
    assert browser.complaints == []
    assert browser.run("document.querySelector('h1').innerText") == "checkout-peak"
