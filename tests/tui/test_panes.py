"""The panes: what an operator reads in them, and how they behave while he reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.events import Key

from rampdeck.model import Health, RunState
from rampdeck.snapshot import LoadView, Snapshot, ThresholdState, Verdict
from tui.drawing import Tone
from tui.panes.requests import SORTS

from .conftest import Opened
from .fakes import FakeDeck
from .looking import (
    bar,
    body,
    dashboard,
    gate_pane,
    repaint,
    requests_pane,
    screen_text,
    source_pane,
    trend_pane,
    until,
    widths,
)
from .made import START, picture, row, source, sources
from .views import VIEWS


async def test_every_pane_is_alive_in_a_large_terminal(opened: Opened) -> None:
    async with opened((160, 45)) as pilot:
        shown = screen_text(pilot)
        for number, title in enumerate(
            ("Requests", "Gunicorn journal", "Nginx", "Trend", "pg_stat_activity", "Redis", "Hosts",
             "Events", "Gate"), start=1,
        ):  # fmt: skip
            assert f"{number} {title}" in shown
        assert "OperationalError: canceling statement" in shown
        assert "step 5: 300 users at 5/s" in shown


async def test_no_line_is_wider_or_narrower_than_its_pane(opened: Opened) -> None:
    async with opened() as pilot:
        for size in ((160, 45), (130, 36), (160, 30), (129, 45), (100, 30), (80, 24), (60, 14), (250, 70)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            shown = [pane for pane in dashboard(pilot).panes.values() if pane.region]
            assert shown
            for pane in shown:
                assert widths(pane) == {pane.size.width}
            assert {cell_len(line) for line in screen_text(pilot).splitlines()} == {size[0]}


async def test_a_small_terminal_shows_the_requests_the_chosen_pane_and_the_gate(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        shown = screen_text(pilot)
        assert "RAMPING" in shown
        assert "rps " in shown
        assert "1 Requests" in shown
        assert "2 Gunicorn journal" in shown
        assert "error rate /checkout/ 1.9" in shown
        assert "✖ FAIL" in shown
        assert "X Abort" in shown
        await pilot.press("5")
        await pilot.pause()
        assert "Lock:transactionid" in screen_text(pilot)
        assert "2 Gunicorn journal" not in screen_text(pilot)


async def test_the_pane_bar_says_how_every_pane_does_and_a_click_chooses_one(opened: Opened) -> None:
    async with opened((100, 30)) as pilot:
        shown = bar(pilot, "panebar")
        assert "3 Nginx ▲" in shown
        assert "5 PG ✖" in shown
        assert "t Steps ●" in shown
        assert "6 Redis ●" in shown
        await pilot.click("#panebar", offset=(shown.index("Redis"), 0))
        await until(pilot, lambda: "ops/s" in screen_text(pilot))


async def test_a_terminal_that_is_too_small_says_so_and_still_obeys(opened: Opened, deck: FakeDeck) -> None:
    async with opened((40, 10)) as pilot:
        shown = " ".join(screen_text(pilot).split())
        assert "needs a terminal of 80x24; this one is 40x10" in shown
        await pilot.press("plus", "X")
        assert deck.calls == [("change_target", 10), ("abort",)]
        await pilot.resize_terminal(160, 45)
        await pilot.pause()
        assert "1 Requests" in screen_text(pilot)


async def test_zoom_gives_one_pane_everything_and_takes_it_back(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("5", "z")
        await pilot.pause()
        assert source_pane(pilot, "postgres").size.width == 160
        shown = screen_text(pilot)
        assert "RAMPING" in shown, "the state of the load stays in sight"
        assert "1 Requests" not in shown
        await pilot.press("escape")
        await pilot.pause()
        assert "1 Requests" in screen_text(pilot)


@pytest.mark.parametrize(("number", "back"), [("9", "z"), ("1", "z"), ("9", "escape")])
async def test_after_a_zoom_of_what_is_always_there_a_small_terminal_has_its_pane_again(
    opened: Opened, number: str, back: str
) -> None:
    async with opened((100, 30)) as pilot:
        await pilot.press("5", number, "z")
        await pilot.pause()
        assert "5 pg_stat_activity" not in screen_text(pilot)
        await pilot.press(back)
        await pilot.pause()
        assert "1 Requests" in screen_text(pilot)
        assert "5 pg_stat_activity" in screen_text(pilot)


async def test_a_pane_and_zoom_pressed_in_one_go_zoom_that_pane(opened: Opened) -> None:
    async with opened() as pilot:
        for key in ("5", "z"):
            pilot.app.post_message(Key(key, key))
        await pilot.pause()
        await pilot.pause()
        assert source_pane(pilot, "postgres").size.width == 160


async def test_a_table_with_too_many_columns_gets_tight_before_it_drops_one(
    opened: Opened, deck: FakeDeck
) -> None:
    (table,) = VIEWS["host"].tables
    wide = replace(table, columns=tuple(replace(column, width=9) for column in table.columns))
    deck.views = {**VIEWS, "host": replace(VIEWS["host"], tables=(wide,))}
    async with opened() as pilot:
        header = body(source_pane(pilot, "host"))[0].split()
        assert header == ["HOST", "CPU", "STEAL", "IOWAIT", "MEM", "RUNQ", "LISTENQ"]


async def test_many_request_names_get_more_room(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        before = requests_pane(pilot).size.height
        deck.now = replace(
            deck.now, requests=tuple(replace(row(754, 0), name=f"/page/{number}/") for number in range(10))
        )
        await repaint(pilot)
        await pilot.pause()
        assert requests_pane(pilot).size.height > before
        assert "of 10" not in requests_pane(pilot).text


async def test_the_zoomed_gate_is_a_table_with_everything(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("9", "z")
        await pilot.pause()
        titles, first, *_ = body(gate_pane(pilot))
        columns = "THRESHOLD NOW LIMIT WORST MARGIN FIRST LONGEST SAMPLES WHERE"
        assert titles.split() == columns.split()
        assert first.startswith("✖ error_rate{name=/checkout/} < 1% ")
        for word in ("1.9", "< 1", "2.3", "-130", "2× 41", "600", "step 4 (240 users)"):
            assert word in first
        ends = [line.rindex("step 4 (240 users)") for line in body(gate_pane(pilot))[1:4]]
        assert len(set(ends)) == 1, "aligned"
        assert gate_pane(pilot).text.count("postgres@db-1 at step 4 (240 users)") == 1
    async with opened((100, 30)) as pilot:
        await pilot.press("9", "z")
        await pilot.pause()
        titles, first, *_ = body(gate_pane(pilot))
        assert titles.split() == ["THRESHOLD", "NOW", "LIMIT", "WORST", "MARGIN", "FIRST", "LONGEST", "WHERE"]
        assert "error rate /checkou" in first
        assert "< 1" in first


async def test_what_only_warns_never_looks_failed(opened: Opened, deck: FakeDeck) -> None:
    warning = tuple(replace(one, warns=True) for one in deck.now.thresholds)
    deck.now = replace(deck.now, thresholds=warning)
    async with opened() as pilot:
        assert body(gate_pane(pilot))[0].startswith("▲ error rate /checkout/")
        assert "gate ▲2 ●4" in bar(pilot, "top")


async def test_a_pane_that_has_no_place_is_zoomed_by_its_number(opened: Opened) -> None:
    async with opened((160, 30)) as pilot:
        assert not source_pane(pilot, "host").region
        await pilot.press("7")
        await pilot.pause()
        assert source_pane(pilot, "host").size.width == 160


# Requests.


async def test_what_fails_stands_first_and_all_together_last(opened: Opened) -> None:
    async with opened() as pilot:
        lines = body(requests_pane(pilot))
        assert lines[1].startswith("✖ POST   /checkout/")
        assert lines[2].startswith("▲ GET    /dashboard/")
        assert lines[-1].split()[0] == "All"


async def test_o_orders_by_the_next_column_and_says_so(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("1", *["o"] * SORTS.index("reqs"))
        pane = requests_pane(pilot)
        assert "sort reqs" in pane.text
        assert "REQS↓" in pane.text
        assert body(pane)[1].split()[2] == "/"


async def test_rows_keep_their_places_while_one_reads_them(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("1")
        before = [line.split()[2] for line in body(requests_pane(pilot))[1:7]]
        turned = tuple(
            replace(one, health=Health.BLIND if one.name == "/" else Health.LIVE) for one in deck.now.requests
        )
        deck.now = replace(deck.now, requests=turned)
        await repaint(pilot)
        after = [line.split()[2] for line in body(requests_pane(pilot))[1:7]]
        assert after == before
        await pilot.press("escape")
        await repaint(pilot)
        assert [line.split()[2] for line in body(requests_pane(pilot))[1:7]] != before


async def test_more_names_than_fit_scroll_and_say_how_many(opened: Opened, deck: FakeDeck) -> None:
    many = tuple(replace(row(754, 0), name=f"/page/{number:03}/") for number in range(200))
    deck.now = replace(deck.now, requests=many)
    async with opened() as pilot:
        assert "1–10 of 200" in requests_pane(pilot).text
        await pilot.press("1", "end")
        pane = requests_pane(pilot)
        assert "191–200 of 200" in pane.text
        assert "/page/199/" in pane.text
        assert body(pane)[-1].split()[0] == "All"
        await pilot.press("home", *["down"] * 11)
        assert "3–12 of 200" in pane.text, "the rows move when the cursor has come to the last of them"


async def test_without_requests_the_pane_says_how_to_begin(opened: Opened, deck: FakeDeck) -> None:
    deck.now = Snapshot(at=START)
    async with opened() as pilot:
        assert "no requests yet: + raises the load" in requests_pane(pilot).text


# Sources.


async def test_several_hosts_have_a_block_each(opened: Opened) -> None:
    async with opened() as pilot:
        lines = body(source_pane(pilot, "gunicorn"))
        assert lines[0].startswith("app-1  timeouts   3")
        assert lines[1].startswith("app-2  timeouts   0")


async def test_hosts_are_a_row_each_with_their_state(opened: Opened) -> None:
    async with opened() as pilot:
        lines = body(source_pane(pilot, "host"))
        assert lines[0].split()[:2] == ["HOST", "CPU"]
        assert [line.split()[:2] for line in lines[1:5]] == [
            ["●", "app-1"],
            ["●", "app-2"],
            ["●", "web-1"],
            ["▲", "db-1"],
        ]


async def test_a_figure_near_its_limit_is_coloured(opened: Opened) -> None:
    async with opened() as pilot:
        line = source_pane(pilot, "postgres").lines[1]
        tones = {text.strip(): tone for text, tone in line}
        assert tones["96/100"] is Tone.BAD
        assert tones["backends"] is Tone.MUTED
        assert tones[str(round(sources(754)[3].values["active"]))] is Tone.STRONG


async def test_the_table_scrolls_and_says_what_is_below(opened: Opened, deck: FakeDeck) -> None:
    rows = tuple({"pid": str(1000 + n), "state": "active", "query": f"SELECT {n}"} for n in range(60))
    deck.now = replace(deck.now, sources=(source("postgres@db-1", {"active": 60.0}, rows=rows),))
    async with opened() as pilot:
        pane = source_pane(pilot, "postgres")
        assert "1000" in pane.text
        assert "more" in pane.text
        await pilot.press("5", "end")
        assert "1059" in pane.text
        assert "more" not in pane.text


# Trend, gate, bars.


async def test_a_gap_in_the_trend_is_a_gap(opened: Opened) -> None:
    async with opened() as pilot:
        chart = body(trend_pane(pilot))[5]
        drawn = chart[8:].rstrip()
        assert "█ █" in drawn or "█  █" in drawn, drawn


async def test_the_trend_shows_the_limit_of_the_p95(opened: Opened) -> None:
    async with opened() as pilot:
        assert "<400" in trend_pane(pilot).text
        assert "┄" in trend_pane(pilot).text


async def test_the_gate_names_what_fails_first_and_since_when(opened: Opened) -> None:
    async with opened() as pilot:
        first = body(gate_pane(pilot))[0]
        assert first.startswith("✖ error rate /checkout/")
        assert "1.9" in first
        assert "since " in first
        assert "✖ FAIL" in gate_pane(pilot).text


async def test_a_verdict_that_is_not_pass_says_why(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, verdict=Verdict.INCONCLUSIVE, reasons=("postgres@db-1 was blind for 40 s",))
    async with opened() as pilot:
        assert "postgres@db-1 was blind for 40 s · ○ INCONCLUSIVE" in gate_pane(pilot).text


async def test_a_threshold_without_samples_does_not_look_passed(opened: Opened, deck: FakeDeck) -> None:
    unknown = tuple(
        replace(one, state=ThresholdState.UNKNOWN, value=None, failed=False, first_breach=None, samples=0)
        for one in deck.now.thresholds
    )
    deck.now = replace(deck.now, thresholds=unknown)
    async with opened() as pilot:
        shown = gate_pane(pilot).text
        assert shown.count("○") >= 6
        assert "nothing is judged while the level ramps" in shown
        assert "●" not in shown
        assert "–" in shown


async def test_the_top_bar_answers_the_six_questions(opened: Opened) -> None:
    async with opened() as pilot:
        top = bar(pilot, "top")
        assert "RAMPING 12:34/20:00" in top
        assert "users 274 → 300 +5/s" in top
        assert "checkout-peak → shop-staging.example" in top
        assert "stage 4/5 spike" in top
        assert "gate ✖1 ▲1 ●4" in top
        assert "gen " in top
        assert "REC" in top


async def test_a_session_that_is_not_recorded_says_so_loudly(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(deck.now, recording=replace(deck.now.recording, problem="No space left on device"))
    async with opened((80, 24)) as pilot:
        assert "NOT RECORDED" in bar(pilot, "top")


async def test_before_the_load_nothing_looks_like_zero(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(picture(), window=Snapshot(at=START).window, load=LoadView(state=RunState.READY))
    async with opened() as pilot:
        assert "rps –" in bar(pilot, "kpis")
        assert "p95 –" in bar(pilot, "kpis")
        assert "READY" in bar(pilot, "top")


async def test_help_says_what_the_keys_and_the_focused_pane_do(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("1", "question_mark")
        await pilot.pause()
        shown = screen_text(pilot)
        assert "1 Requests" in shown
        assert "One row a request name" in shown
        assert "Start the plan, or return to it where it was left" in shown
        assert "Stop at once, without a question" in shown
