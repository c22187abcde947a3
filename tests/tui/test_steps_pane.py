"""The step table and what stands behind its rows and those of the requests; the delay beside the p95."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from rampdeck.model import Health
from rampdeck.snapshot import Verdict
from tui.drawing import Tone
from tui.panes import StepsPane
from tui.widgets.bars import KpiLine

from .conftest import Opened
from .fakes import FakeDeck
from .looking import bar, body, dashboard, gate_pane, repaint, requests_pane, screen_text
from .made import picture


def steps_pane(pilot: Pilot[None]) -> StepsPane:
    return dashboard(pilot).query_one(StepsPane)


async def test_each_step_is_a_row_with_its_phase_its_figures_and_its_verdict(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("t", "z")
        await pilot.pause()
        lines = body(steps_pane(pilot))
        assert lines[0].split() == [
            "#", "STAGE", "USERS", "PHASE", "SECS", "REQS", "RPS", "FAIL", "%", "P50", "P95", "P99", "P99.9",
            "MAX", "DELAY", "MARKS",
        ]  # fmt: skip
        assert lines[1].split()[:5] == ["●", "1", "baseline", "60", "done"]
        assert lines[1].split()[6:9] == ["9", "000", "38.4"]
        assert lines[1].split()[-1] == "3.1"
        assert lines[2].startswith("○ ▲  2 busy")
        assert lines[2].endswith("generator delay p95 31 ms; loop held up 2 s")
        assert lines[4].split()[:6] == ["◌", "4", "–", "250", "not", "measured"]
        assert lines[5].split()[:6] == ["◌", "5", "spike", "300", "ramp", "00:11"]


async def test_a_step_that_failed_is_seen_without_colour(opened: Opened, deck: FakeDeck) -> None:
    failed = tuple(replace(row, verdict=Verdict.FAIL, marks=()) for row in deck.now.steps)
    deck.now = replace(deck.now, steps=failed)
    async with opened() as pilot:
        await repaint(pilot)
        assert body(steps_pane(pilot))[1].startswith("✖")
        assert steps_pane(pilot).health is Health.BLIND


async def test_the_newest_steps_are_in_sight_until_one_moves(opened: Opened) -> None:
    async with opened((160, 45)) as pilot:
        pane = steps_pane(pilot)
        assert "3–5 of 5" in pane.text
        await pilot.press("t", "home")
        assert "1–3 of 5" in pane.text
        chosen = [line for line in pane.lines if any(tone is Tone.SELECTED for _, tone in line)]
        assert len(chosen) == 1
        await pilot.press("escape")
        await pilot.pause()
        assert "3–5 of 5" in pane.text
        assert not [line for line in pane.lines if any(tone is Tone.SELECTED for _, tone in line)]


async def test_the_cursor_stays_on_its_step_while_new_ones_come(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("t", "up", "up")
        pane = steps_pane(pilot)
        assert pane.chosen is not None
        assert pane.chosen.step.number == 3
        last = deck.now.steps[-1]
        more = tuple(replace(last, step=replace(last.step, number=number)) for number in range(6, 30))
        deck.now = replace(deck.now, steps=(*deck.now.steps[2:], *more))
        await repaint(pilot)
        assert pane.chosen.step.number == 3
        deck.now = replace(deck.now, steps=deck.now.steps[10:])
        await repaint(pilot)
        assert pane.chosen.step.number == 13, "a step that has left the table gives way to the oldest"


async def test_enter_opens_every_percentile_of_a_step(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("t", "up", "up", "up", "enter")
        await pilot.pause()
        shown = screen_text(pilot)
        assert "Step 2 “busy” · 120 users, by plan · INCONCLUSIVE" in shown
        assert "▲ generator delay p95 31 ms" in shown
        for word in ("P50", "P90", "P99.9", "P99.99", "successes", "Locust's clock", "generator delay"):
            assert word in shown
        assert "corrected" not in shown, "nobody had a known pace"
        assert "/checkout/" in shown
        await pilot.press("escape")
        await pilot.pause()
        assert "Locust's clock" not in screen_text(pilot)


async def test_a_step_that_was_cut_short_says_why_it_has_no_figures(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        await pilot.press("t", "up", "enter")
        await pilot.pause()
        assert "did not last beyond its ramp and settling" in screen_text(pilot)


async def test_enter_opens_every_percentile_of_a_request_name(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("1", "down", "enter")
        await pilot.pause()
        shown = screen_text(pilot)
        assert "GET /dashboard/" in shown
        assert "Last 10 s:" in shown
        assert "Whole run:" in shown
        assert shown.count("P99.99") == 2


async def test_the_load_keys_work_under_the_details(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("1", "enter", "X")
        assert deck.calls == [("abort",)]


async def test_what_the_generator_added_stands_beside_the_p95(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        assert "generator +3.1 ms" in bar(pilot, "kpis").replace("\u2009", " ")
        delay = tone_of(pilot, "+3.1")
        assert delay is Tone.MUTED
        deck.now = replace(deck.now, generator=replace(deck.now.generator, health=Health.WARNING))
        await repaint(pilot)
        assert tone_of(pilot, "+3.1") is Tone.WARNING
    async with opened((80, 24)) as pilot:
        assert "p95 " in bar(pilot, "kpis")
        assert "+3.1 ms" in bar(pilot, "kpis").replace("\u2009", " ")


def tone_of(pilot: Pilot[None], text: str) -> Tone:
    line = dashboard(pilot).query_one(KpiLine).lines[0]
    return next(tone for said, tone in line if text in said)


async def test_times_by_locusts_clock_say_so_once(opened: Opened, deck: FakeDeck) -> None:
    shot = picture()
    deck.now = replace(shot, window=replace(shot.window, stamped=0, delay_p95=None))
    async with opened() as pilot:
        assert "Locust's clock" in requests_pane(pilot).text.splitlines()[-1]
        assert screen_text(pilot).count("Locust's clock") == 1
        assert "generator +" not in bar(pilot, "kpis")
        deck.now = replace(shot, window=replace(shot.window, stamped=1_170))
        await repaint(pilot)
        assert "25 % by Locust's clock" in requests_pane(pilot).text.replace("\u2009", " ")
        deck.now = shot
        await repaint(pilot)
        assert "Locust's clock" not in requests_pane(pilot).text


async def test_the_chosen_pane_of_a_small_terminal_gets_all_the_room(opened: Opened) -> None:
    for size, key in (((100, 30), "t"), ((100, 30), "7"), ((80, 24), "6"), ((80, 24), "8")):
        async with opened(size) as pilot:
            await pilot.press(key)
            await pilot.pause()
            chosen = dashboard(pilot).panes[dashboard(pilot).chosen]
            assert chosen.region.height > 5
            assert chosen.region.bottom == gate_pane(pilot).region.y, "nothing is left empty above the gate"
