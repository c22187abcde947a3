"""The logs: following, reading back, folding, filtering."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.model import Event, EventKind, Severity
from rampdeck.snapshot import Lines
from tui.logbook import NEAR, Filter, Logbook
from tui.screens.dialogs import FilterLog, OpenedEntry

from .conftest import Opened
from .fakes import FakeDeck
from .looking import body, repaint, screen_text, source_pane
from .made import START, event


def lines(number: int, first: int = 0, source: str = "gunicorn@app-1") -> list[Event]:
    return [event(START.plus(n), source, line(n)) for n in range(first, first + number)]


def line(number: int) -> str:
    """Return a line like no other one: those that differ in a number only would be folded."""
    return "line " + "".join("abcdefghij"[int(digit)] for digit in str(number))


@pytest.fixture
def deck() -> FakeDeck:
    return FakeDeck(events=lines(40))


async def test_the_newest_line_is_the_last_one(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        assert body(source_pane(pilot, "gunicorn"))[-1].endswith(line(39))
        deck.events += lines(3, 40)
        await repaint(pilot)
        assert body(source_pane(pilot, "gunicorn"))[-1].endswith(line(42))


async def test_a_log_says_how_many_lines_are_not_in_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        assert "dropped" not in pane.text
        first, second, *rest = deck.now.sources
        assert first.info.kind == second.info.kind == "gunicorn"
        whole = replace(first, lines=Lines(read=90, stored=90))
        deck.now = replace(deck.now, sources=(whole, second, *rest))
        await repaint(pilot)
        assert "dropped" not in pane.text
        some = replace(first, lines=Lines(read=9_000, stored=7_800, dropped=1_200, suppressed=300))
        more = replace(second, lines=Lines(read=4, dropped=4))
        deck.now = replace(deck.now, sources=(some, more, *rest))
        await repaint(pilot)
        assert "▲ 1\u2009204 dropped · 300 suppressed · follow" in pane.text.splitlines()[-1]


@pytest.mark.parametrize("key", ["up", "pageup", "home"])
async def test_moving_stops_following_and_end_resumes(opened: Opened, deck: FakeDeck, key: str) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        await pilot.press("2", key)
        shown = [line for line in body(pane) if "line" in line]
        deck.events += lines(12, 40)
        await repaint(pilot)
        assert "12 new lines ▼ end" in body(pane)[-1]
        assert "reading" in pane.text
        kept = [line for line in body(pane)[:-1] if "line" in line]
        assert kept[1:] == [line for line in shown if line in kept][1:], "what one reads stays where it is"
        await pilot.press("end")
        assert body(pane)[-1].endswith(line(51))
        assert "new lines" not in pane.text
        assert "follow" in pane.text


async def test_the_wheel_stops_following(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        pane.move(-3)
        assert not pane.book.following


async def test_f_stays_and_follows(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        await pilot.press("2", "f")
        assert not pane.book.following
        await pilot.press("f")
        assert pane.book.following


async def test_the_same_line_again_counts_up(opened: Opened, deck: FakeDeck) -> None:
    deck.events = [event(START.plus(n), "nginx@web-1", "upstream timed out") for n in range(7)]
    async with opened() as pilot:
        shown = [line for line in body(source_pane(pilot, "nginx")) if "timed out" in line]
        assert len(shown) == 1
        assert shown[0].endswith("×7")


async def test_lines_that_differ_in_numbers_only_are_one_with_time_and_text_of_the_first(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.events = [event(START.plus(n), "gunicorn@app-1", f"WORKER TIMEOUT (pid:{n})") for n in range(7, 10)]
    async with opened() as pilot:
        shown = [text for text in body(source_pane(pilot, "gunicorn")) if "TIMEOUT" in text]
        assert [text.split() for text in shown] == [
            ["12:20:07", "app-1", "info", "WORKER", "TIMEOUT", "(pid:7)", "×3"]
        ]
        await pilot.press("2", "up", "enter")
        await pilot.pause()
        opened_entry = screen_text(pilot)
        assert "3 times until 12:20:09" in opened_entry
        assert "(pid:8)" in opened_entry, "what it said before stands beneath"


def test_lines_that_come_by_turns_fold_each_with_its_own_and_stay_in_their_place() -> None:
    book = Logbook()
    book.add(
        event(START.plus(n), "nginx@web-1", f"{'refused' if n % 2 else 'timed out'} {n}") for n in range(20)
    )
    assert [(entry.first, entry.times) for entry in book.shown] == [("timed out 0", 10), ("refused 1", 10)]


def test_a_line_that_comes_again_after_many_others_is_new_again() -> None:
    book = Logbook()
    book.add(
        [event(START, "nginx@web-1", "refused 1"), *lines(NEAR), event(START, "nginx@web-1", "refused 2")]
    )
    assert book.shown[-1].first == "refused 2"
    assert book.shown[0].times == 1


def test_a_mark_is_never_folded_with_another_one() -> None:
    book = Logbook()
    book.add(event(START, "operator", f"mark: deploy {n}", kind=EventKind.MARK) for n in range(2))
    assert [entry.first for entry in book.shown] == ["mark: deploy 0", "mark: deploy 1"]


def test_a_filter_finds_what_a_folded_line_said_before_and_lets_nothing_else_in() -> None:
    book = Logbook()
    book.add(event(START, "gunicorn@a", f"WORKER TIMEOUT (pid:{n})") for n in range(7, 10))
    book.wanted = Filter("pid:8")
    assert [entry.first for entry in book.shown] == ["WORKER TIMEOUT (pid:7)"]
    book.add([event(START, "gunicorn@a", "WORKER TIMEOUT (pid:5)")])
    assert [entry.first for entry in book.shown] == ["WORKER TIMEOUT (pid:7)"]
    book.add([event(START, "gunicorn@a", "WORKER TIMEOUT (pid:88)")])
    assert [entry.first for entry in book.shown][-1] == "WORKER TIMEOUT (pid:88)"
    book.wanted = Filter()
    assert sum(entry.times for entry in book.shown) == 5


async def test_the_same_line_folds_per_host(opened: Opened, deck: FakeDeck) -> None:
    deck.events = [event(START.plus(n), f"gunicorn@app-{n % 2 + 1}", "WORKER TIMEOUT") for n in range(6)]
    async with opened() as pilot:
        shown = [line for line in body(source_pane(pilot, "gunicorn")) if "WORKER" in line]
        assert [line.split()[1] for line in shown] == ["app-1", "app-2"]
        assert all(line.endswith("×3") for line in shown)


async def test_one_host_needs_no_name_and_several_stand_in_a_column(opened: Opened, deck: FakeDeck) -> None:
    deck.events = [event(START, "nginx@web-1", "one"), event(START, "gunicorn@application-2", "two")]
    deck.events.append(event(START, "gunicorn@app-1", "three"))
    async with opened() as pilot:
        nginx = next(line for line in body(source_pane(pilot, "nginx")) if line.endswith("one"))
        assert nginx.split() == ["12:20:00", "info", "one"]
        found = [line for line in body(source_pane(pilot, "gunicorn")) if "info" in line]
        assert len({line.index("info") for line in found}) == 1


async def test_a_traceback_is_one_line_and_enter_opens_it_whole(opened: Opened, deck: FakeDeck) -> None:
    text = "ValueError: no stock\n" + "\n".join(f"  frame {n} [/markup]" for n in range(14))
    deck.events.append(event(START.plus(60), "gunicorn@app-1", text, Severity.ERROR))
    deck.events += lines(2, 50)
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        assert "ValueError: no stock … 14 more lines (enter)" in pane.text
        assert "frame 3" not in pane.text
        await pilot.press("2", "up", "up", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, OpenedEntry)
        assert "frame 13 [/markup]" in screen_text(pilot)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, OpenedEntry)


async def test_a_filter_keeps_only_lines_with_the_text(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("2", "slash")
        assert isinstance(pilot.app.screen, FilterLog)
        await pilot.press(*"LINE", "space", "d", "enter")
        await pilot.pause()
        pane = source_pane(pilot, "gunicorn")
        shown = [line.split()[-1] for line in body(pane) if "line" in line]
        assert shown
        assert all(number.startswith("d") for number in shown)
        assert "11 of 40" in pane.text
        deck.events += lines(3, 298)
        await repaint(pilot)
        assert body(pane)[-1].endswith(line(300))


async def test_l_steps_through_the_severities(opened: Opened, deck: FakeDeck) -> None:
    deck.events += [
        event(START.plus(50), "gunicorn@app-1", "slow", Severity.WARNING),
        event(START.plus(51), "gunicorn@app-1", "broken", Severity.ERROR),
    ]
    async with opened() as pilot:
        pane = source_pane(pilot, "gunicorn")
        await pilot.press("2", "l", "l")
        assert "≥warn" in pane.text
        assert "slow" in pane.text
        assert "line" not in " ".join(body(pane)[2:])
        await pilot.press("l")
        assert "slow" not in pane.text
        assert "broken" in pane.text
        await pilot.press("l")
        assert line(39) in pane.text


async def test_a_filter_that_lets_nothing_pass_says_so(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        source_pane(pilot, "gunicorn").set_filter(Filter("no such thing"))
        assert "no line passes the filter “no such thing”" in source_pane(pilot, "gunicorn").text


async def test_lines_arrive_in_panes_that_are_not_shown(opened: Opened, deck: FakeDeck) -> None:
    async with opened((80, 24)) as pilot:
        deck.events.append(event(START.plus(99), "nginx@web-1", "upstream timed out"))
        await repaint(pilot)
        await pilot.press("3")
        await pilot.pause()
        assert "upstream timed out" in screen_text(pilot)


def test_old_lines_are_forgotten_and_reading_stays_in_place() -> None:
    book = Logbook(kept=100)
    book.add(lines(100))
    book.move(-10, height=5)
    reading = book.chosen()
    assert reading is not None
    book.add(lines(50, 100))
    assert book.total == 100
    assert book.chosen() is reading
    book.add(lines(200, 150))
    assert book.chosen() is book.shown[0], "what one read has gone: the oldest line is next to it"


def test_a_flood_keeps_only_the_newest_lines() -> None:
    book = Logbook(kept=1_000)
    book.add(lines(20_000))
    assert book.total == 1_000
    assert book.shown[-1].first == line(19_999)


def test_a_repeated_line_that_was_forgotten_begins_anew() -> None:
    book = Logbook(kept=2)
    book.add([event(START, "gunicorn@a", "same")])
    book.add(lines(5, source="gunicorn@b"))
    book.add([event(START, "gunicorn@a", "same")])
    assert book.shown[-1].first == "same"
    assert book.shown[-1].times == 1
