"""The web page of a result: whole, safe whatever the names are, and content with itself."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rampdeck import format as fmt
from rampdeck.levels.knee import Knee
from rampdeck.record.charts import Chart, Curve
from rampdeck.record.html import Page, html
from rampdeck.record.html.data import data, rounded
from rampdeck.record.result import ErrorResult, Result
from rampdeck.record.timeline import Mark, Timeline, recent
from rampdeck.record.track import Line
from rampdeck.snapshot import Spread, ThresholdState, Trend, Verdict
from tests.record.helpers import BEGAN, result
from tests.record.pages import page

HOSTILE = (
    "</script><script>alert(1)</script><img src=http://e/x onerror=alert(2)> \" ' & ]]> --> <!-- "
    "</style>\x1b[31m\udcff\u202e"
)
VOID = {"meta", "line", "path", "circle", "polyline", "rect", "br"}
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
VENDOR = Path(__file__).parents[2] / "rampdeck" / "record" / "vendor" / "uplot"


class Checker(HTMLParser):
    """Reads a page strictly: every tag is closed, and what it would fetch is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        fetching = ("src", "href", "action", "srcset", "xlink:href", "poster", "data", "background")
        self.fetched += [
            value or "" for name, value in attrs if name in fetching and not f"{value}".startswith("#")
        ]
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


def checked(written: str) -> Checker:
    checker = Checker()
    checker.feed(written)
    checker.close()
    assert checker.open == []
    return checker


def drawn(written: str) -> dict[str, object]:
    """Return what the charts of a page are drawn from."""
    (found,) = DATA.findall(written)
    told: dict[str, object] = json.loads(found)
    return told


def body(written: str) -> str:
    """Return what is read of a page."""
    return unescape(re.sub(r"<[^>]+>", "", written[written.index("<main>") : written.index("<script")]))


def of(shown: Result) -> Page:
    """Return the page of a result with a timeline that has everything."""
    return Page(shown, EVERYTHING.timeline)


EVERYTHING = page()


def test_the_page_says_everything_the_verdict_first() -> None:
    written = body(html(EVERYTHING))
    place = 0
    for piece in (
        "FAIL", "checkout-peak", "PASS decided by R. Okafor, overruling the computed FAIL", "Peak is twice",
        "p95 was 1 204 ms at step 4", "Warnings, which weigh nothing", "host.cpu of web-1 came to 97 %",
        "Timeline", "Thresholds", "p95 < 800ms", "broken", "Load levels", "baseline", "INCONCLUSIVE",
        "Step 4: postgres@db-1 was not seen", "Requests", "/checkout/", "Findings",
        "pid 4121 held a row lock", "What to do.", "Worst errors", "504 Server Error",
        "Can this run be trusted?", "postgres@db-1", "94.3 %", "no answer from db-1", "Clocks",
        "Behind the load levels", "Statements of step 2", "SELECT * FROM `stock`", "Lines", "Release",
        "8f3c1d2", "Facts", "Gunicorn workers", "at the end", "4 facts, 1 changed, 1 not known",
        "Gunicorn version", "23.0.0", "journal: Starting gunicorn",
        "not known: permission denied", "sha256 of the session",
    ):  # fmt: skip
        place = written.index(piece, place)
    for column in ("p50", "p90", "p95", "p99", "p99.9", "p99.99"):
        assert f">{column}</th>" in html(EVERYTHING)


def test_a_decision_that_agrees_is_no_overruling() -> None:
    decision = EVERYTHING.result.decision
    assert decision is not None
    agreed = replace(EVERYTHING.result, decision=replace(decision, verdict=Verdict.FAIL))
    assert "decided by R. Okafor, as computed" in body(html(of(agreed)))
    assert "decided by" not in body(html(of(replace(agreed, decision=None))))


def test_a_decision_from_before_the_verdict_turned_is_held_against_the_verdict_as_it_is() -> None:
    decision = EVERYTHING.result.decision
    assert decision is not None
    early = replace(decision, verdict=Verdict.PASS, computed=Verdict.PASS)
    written = body(html(of(replace(EVERYTHING.result, decision=early))))
    assert "overruling the computed FAIL (it was PASS when this was decided)" in written


def test_a_pass_says_what_it_stands_on() -> None:
    views = tuple(view for view in EVERYTHING.result.thresholds if view.state is ThresholdState.PASS)
    held = replace(EVERYTHING.result, result=Verdict.PASS, reasons=(), thresholds=views, decision=None)
    assert "Every threshold held, and nothing speaks against the run." in body(html(of(held)))
    unknown = replace(views[0], state=ThresholdState.UNKNOWN)
    some = replace(held, thresholds=(unknown, *views))
    assert f"{len(views)} of {len(views) + 1} thresholds held" in body(html(of(some)))
    for other in (replace(held, result=Verdict.INCONCLUSIVE), replace(held, thresholds=())):
        assert "speaks against the run" not in body(html(of(other)))


def test_when_something_was_found_first_is_said_once() -> None:
    found = EVERYTHING.result.findings[0]
    assert found.since is not None
    told = fmt.clock(found.since, UTC)
    written = body(html(of(replace(EVERYTHING.result, findings=(found,)))))
    assert f"first at {told} UTC" in written
    twice = replace(found, evidence=(f"since {told} UTC",))
    written = body(html(of(replace(EVERYTHING.result, findings=(twice,)))))
    assert f"first at {told} UTC" not in written
    assert f"since {told} UTC" in written


def test_what_was_found_cut_off_or_left_out_is_said_as_in_the_other_records() -> None:
    total = replace(EVERYTHING.result.total, redirects=1_900, killed=7)
    knee = Knee(sentence="The knee.", method="By pairs.", climb="it failed", left_out=("step 2: short",))
    shown = replace(EVERYTHING.result, total=total, findings=(), knee=knee, users=1)
    written = body(html(of(shown)))
    for told in (
        "Nothing was found.", "1 900 redirects were followed", "7 requests were cut off by us", "By pairs.",
        "Auto-step: it failed.", "Left out: step 2: short", "at most 1 user, against",
    ):  # fmt: skip
        assert told in written


def test_facts_that_were_asked_for_once_are_not_said_to_be_the_same_at_the_end() -> None:
    once = tuple(replace(pair, end=None) for pair in EVERYTHING.result.facts)
    said = body(html(of(replace(EVERYTHING.result, facts=once))))
    assert "They were asked for once only" in said


def test_a_state_has_a_sign_beside_its_colour_and_a_warning_is_never_a_failure() -> None:
    written = body(html(EVERYTHING))
    for told in ("✖ broken", "● holds", "▲ near its limit", "○ unknown", "▲ broken, a warning", "✖ blind"):
        assert told in written
    warns = [view for view in EVERYTHING.result.thresholds if view.warns]
    assert [view.state for view in warns] == [ThresholdState.FAIL]
    only = body(html(of(replace(result(), thresholds=tuple(warns), steps=()))))
    assert "✖ broken" not in only


def test_the_page_fetches_nothing_and_runs_nothing_but_its_own() -> None:
    written = html(EVERYTHING)
    checker = checked(written)
    assert checker.fetched == []
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(checker.tags)
    assert not re.search(r"url\(|@import", written[: written.index("<body>")])
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', written)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    for script in (*SCRIPT.findall(written), *re.findall(r"<style>(.*?)</style>", written, re.DOTALL)):
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert len(SCRIPT.findall(written)) == 2


def test_the_charting_library_is_the_one_that_is_noted_and_asks_for_nothing() -> None:
    noted = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", (VENDOR / "ORIGIN").read_text(), re.MULTILINE))
    noted = {name: digest for digest, name in noted.items()}
    assert set(noted) == {path.name for path in VENDOR.iterdir()} - {"ORIGIN", "LICENSE"}
    for name, digest in noted.items():
        assert sha256((VENDOR / name).read_bytes()).hexdigest() == digest
        source = (VENDOR / name).read_text()
        assert not re.search(
            r"XMLHttpRequest|\bfetch\(|WebSocket|EventSource|sendBeacon|importScripts|\bimport\(|\beval\(|"
            r"new Function|new Image|url\(|@import|document\.write",
            source,
        )
    written = html(EVERYTHING)
    assert "Copyright (c) 2021 Leon Sorokin" in written
    assert "Permission is hereby granted, free of charge" in written, "its licence goes with it"


def hostile(name: str) -> Page:
    """Return a page on which everything that others wrote is the same text."""
    base = EVERYTHING.result
    request = replace(base.requests[0], name=name, method=name)
    step = replace(base.steps[0], stage=name, cause=name, marks=(name,))
    finding = replace(base.findings[0], layer=name, severity=name, text=name, evidence=(name,), advice=name)
    source = replace(base.sources[2], name=name, host=name, reason=name, state=name)
    view = replace(base.thresholds[0], expression=name, where=name)
    fact = base.facts[0].start
    assert base.decision is not None
    assert fact is not None
    fact = replace(fact, title=name, value=name, provenance=name)
    shown = replace(
        base,
        host=name,
        title=name,
        requests=(request,),
        steps=(step,),
        findings=(finding,),
        sources=(source,),
        coverage=(replace(base.coverage[0], source=name),),
        thresholds=(view,),
        errors=(ErrorResult(name, name, name, 1),),
        tables=(replace(base.tables[0], source=name, title=name, rows=({"query": name},)),),
        decision=replace(base.decision, name=name, note=name),
        facts=(replace(base.facts[0], source=name, start=fact, end=replace(fact, value=name + "2")),),
        doubts=(name,),
        reasons=(name,),
        warnings=(name,),
        pacing=(name,),
        session=Path(name.replace("\0", "")),
        session_sha256=name,
        version=name,
    )
    line = replace(EVERYTHING.timeline, marks=(Mark(EVERYTHING.timeline.began + 9, name),), steps=())
    return Page(shown, line, name)


@pytest.mark.parametrize(
    "name",
    [HOSTILE, "\u202eevil\u2066", "x" * 10_000, "<!--<script>", "{{7*7}}${7*7}"],
    ids=["markup", "direction", "long", "comment", "template"],
)
def test_hostile_names_are_text(name: str) -> None:
    written = html(hostile(name))
    checker = checked(written)
    assert checker.tags.count("script") == 3, "the data, the library, our own"
    assert "img" not in checker.tags
    assert not set("\u202e\u2066\x1b") & set(written)
    assert len(written) < 400_000
    written.encode()
    told = json.dumps(drawn(written), ensure_ascii=False)
    assert "<!--" not in DATA.findall(written)[0]
    assert name[:6].replace("\u202e", "\ufffd").replace('"', "")[:3] in told, "it is there, as text"


@pytest.mark.parametrize(
    "secret",
    ["password=hunter2", "https://user:hunter2@staging", "Authorization: Bearer hunter2hunter2"],
)
def test_secrets_do_not_reach_the_page(secret: str) -> None:
    leaking = hostile(secret)
    # A path folds the two slashes of an address into one.
    leaking = replace(leaking, result=replace(leaking.result, session=None))
    assert "hunter2" not in html(leaking)


def test_a_run_without_requests_has_a_page_too() -> None:
    empty = replace(result(), requests=(), steps=(), errors=(), thresholds=(), findings=(), began=None)
    written = html(Page(empty, Timeline()))
    assert "svg" not in checked(written).tags
    assert "There was no load" in body(written)
    assert drawn(written)["charts"] == []


def test_without_a_session_file_the_page_shows_the_last_minutes_and_says_so() -> None:
    trend = Trend(p95=(10.0, None, 20.0), users=(1, 2, 3), rps=(5.0, 0.0, 6.0), error_rate=(0.0, None, 0.5))
    written = html(Page(EVERYTHING.result, recent(trend, BEGAN.utc), "only the last minutes"))
    assert "svg" in checked(written).tags
    assert "only the last minutes" in body(written)


def test_what_was_cut_off_or_still_runs_is_said_first() -> None:
    written = body(html(of(replace(EVERYTHING.result, running=True, cut_off=True))))
    for told in ("Written while the load was still going on", "The session file ends before the session did"):
        assert written.index(told) < written.index("Timeline")


def test_the_generators_share_has_columns_where_the_wire_clock_ran() -> None:
    total = EVERYTHING.result.total
    unstamped = replace(total, spreads=replace(total.spreads, delay=Spread()), stamped=0, delay_p95=None)
    assert "Locust p95" not in html(of(replace(EVERYTHING.result, total=unstamped)))
    written = html(EVERYTHING)
    assert "Locust p95" in written
    assert "+1.5" in written


def test_a_gap_is_null_in_the_data_and_numbers_are_short() -> None:
    assert rounded((None, 0.0, 12.345678, 1_234.5678, 123_456.7, 3.0)) == [None, 0, 12.35, 1235, 123_457, 3]
    told = data(
        Timeline(began=1_000.0, count=3),
        [Chart("rps", "Requests", "/s", (Curve("</x>&", "rps", Line((1.0, None, 2.5))),))],
        [],
    )
    assert "<" not in told
    assert "&" not in told
    (chart,) = json.loads(told)["charts"]
    assert chart["lines"] == [{"name": "</x>&", "tone": "rps", "on": True, "v": [1, None, 2.5]}]


def test_wide_columns_say_so_and_carry_their_lowest_and_highest() -> None:
    narrow = html(EVERYTHING)
    assert "A point is" not in narrow
    values = EVERYTHING.timeline.p95.values
    wide = replace(EVERYTHING.timeline, width=3.0, p95=Line(values, values, values))
    written = html(Page(EVERYTHING.result, wide))
    assert "A point is 3 s: its worst second" in body(written)
    assert '"lo":' in written
    assert '"lo":' not in DATA.findall(narrow)[0]


def test_the_still_picture_has_every_chart_for_print_and_without_script() -> None:
    picture = re.findall(r'<div class="still">(.*?)</div>', html(EVERYTHING), re.DOTALL)[0]
    for title in (
        "Users",
        "Requests, /s",
        "Response time, ms",
        "Errors, %",
        "CPU, %",
        "Database connections",
    ):
        assert f">{title}<" in picture
    for told in ("✖ p95 &lt; 800ms", "○ postgres@db-1 not seen", "&lt; 800 ms", "● 1 baseline"):
        assert told in picture


def test_columns_that_are_numbers_are_sorted_by_their_value() -> None:
    written = html(EVERYTHING)
    assert len(re.findall("<table data-sort>", written)) >= 5
    assert re.search(r'<td data-v="1200?(\.\d+)?">1[\u2009 ]20', written)
