"""The tables of a source: which is shown, the row under the cursor, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from collectors.postgres import PostgresCollector
from rampdeck.errors import SourceError
from tui.drawing import Tone
from tui.screens.dialogs import Confirm
from tui.screens.rows import Answered, OpenedRow

from .conftest import Opened
from .fakes import FakeDeck
from .looking import body, repaint, screen_text, source_pane
from .made import source
from .views import VIEWS


def chosen(pilot: Pilot[None]) -> str:
    """Return the text of the row under the cursor, or nothing."""
    lines = source_pane(pilot, "postgres").lines
    return "".join(text for line in lines for text, tone in line if tone is Tone.SELECTED).strip(" │")


async def test_a_key_shows_the_next_table_that_has_rows(opened: Opened) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "postgres")
        assert "v Sessions Statements" in pane.text
        await pilot.press("5", "v")
        assert "CALLS/S" in pane.text
        assert "4188" not in pane.text
        await pilot.press("v")
        assert "4188" in pane.text


async def test_a_pane_that_is_looked_at_has_a_cursor_which_stays_with_its_row(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        assert not chosen(pilot)
        await pilot.press("5", "down", "down")
        assert "4190" in chosen(pilot)
        sources = tuple(
            replace(one, rows=tuple(reversed(one.rows))) if one.info.kind == "postgres" else one
            for one in deck.now.sources
        )
        deck.now = replace(deck.now, sources=sources)
        await repaint(pilot)
        assert "4190" in chosen(pilot)
        await pilot.press("escape")
        assert not chosen(pilot)


async def test_a_row_opens_whole(opened: Opened) -> None:
    async with opened((100, 30)) as pilot:
        await pilot.press("5", "down", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, OpenedRow)
        shown = screen_text(pilot)
        assert "Lock:transactionid" in shown
        assert "UPDATE store_stock SET" in shown


async def test_the_plan_of_a_statement_is_a_key_away(opened: Opened, deck: FakeDeck) -> None:
    deck.answer = "Nested Loop\n  ->  Seq Scan on orders [/red]"
    async with opened() as pilot:
        await pilot.press("5", "e")
        assert not deck.calls  # sessions have no plan here
        await pilot.press("v", "down", "e")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        name, of, action, cells = deck.calls[-1]
        assert (name, of, action) == ("act", "postgres@db-1", "plan")
        assert isinstance(cells, dict)
        assert cells["queryid"] == "f3c0"
        assert isinstance(pilot.app.screen, Answered)
        assert "  ->  Seq Scan on orders [/red]" in screen_text(pilot)


async def test_what_is_not_harmless_is_asked_before(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("5", "v", "E")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Confirm)
        assert "It is run, and rolled back." in screen_text(pilot)
        await pilot.press("n")
        assert not deck.calls
        await pilot.press("E", "y")
        await pilot.app.workers.wait_for_complete()
        assert deck.calls[-1][2] == "analyze"


async def test_the_same_key_gives_the_plan_in_each_table_of_postgresql(
    opened: Opened, deck: FakeDeck
) -> None:
    tables = ("sessions", "blocking", "statements")
    rows = tuple({"_table": table, "pid": "41", "query": f"SELECT of {table}"} for table in tables)
    deck.views = {**VIEWS, "postgres": PostgresCollector.view}
    deck.now = replace(deck.now, sources=(source("postgres@db-1", {"active": 1.0}, rows=rows),))
    deck.answer = "Seq Scan on orders"
    async with opened() as pilot:
        await pilot.press("5")
        for turn in ("", "v", "v"):
            await pilot.press(*turn, "e")
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
            assert isinstance(pilot.app.screen, Answered)
            await pilot.press("escape")
        await pilot.press("E")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Confirm)  # the values of a normalised statement are not known
        await pilot.press("v", "E")
        await pilot.pause()
        assert "rolls it back" in screen_text(pilot)
    assert [call[2] for call in deck.calls] == ["plan", "plan", "plan"]


async def test_the_keys_of_a_row_are_seen_on_a_small_screen_too(opened: Opened) -> None:
    async with opened((100, 30)) as pilot:
        before = screen_text(pilot).splitlines()[-1]
        assert "m Mark" in before
        await pilot.press("5", "v")
        await pilot.pause()
        keys = screen_text(pilot).splitlines()[-1]
        assert "e Explain" in keys
        # The load's keep their places.
        assert keys[: keys.index("v View")] == before[: before.index("m Mark")]


async def test_why_something_cannot_be_done_is_said(opened: Opened, deck: FakeDeck) -> None:
    deck.answer = SourceError(
        "no plan", "the text was cut [by the server]", "Raise track_activity_query_size"
    )
    async with opened() as pilot:
        await pilot.press("5", "v", "e")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "the text was cut [by the server]" in " ".join(screen_text(pilot).split())


async def test_a_server_that_takes_anothers_place_has_its_pane(opened: Opened, deck: FakeDeck) -> None:
    view = replace(VIEWS["gunicorn"], title="Uvicorn journal")
    deck.views = {**VIEWS, "uvicorn": view}
    there = [one for one in deck.now.sources if one.info.kind != "gunicorn"]
    uvicorn = source("uvicorn@app-1", {})
    deck.now = replace(deck.now, sources=(*there, uvicorn))
    async with opened() as pilot:
        await repaint(pilot)
        assert "2 Uvicorn journal" in screen_text(pilot)
        assert "app-1" in source_pane(pilot, "gunicorn").text


async def test_what_a_server_does_of_itself_stands_among_the_events(opened: Opened, deck: FakeDeck) -> None:
    from .made import event

    deck.events.append(event(deck.now.at, "postgres@db-1", "PostgreSQL was restarted"))
    async with opened() as pilot:
        await pilot.press("8", "z")
        await pilot.pause(0.6)
        shown = body(source_pane(pilot, "scenario"))
        assert any("PostgreSQL was restarted" in line for line in shown)


async def test_among_the_events_each_line_says_which_source_it_is_of(opened: Opened, deck: FakeDeck) -> None:
    from .made import event

    deck.events.append(event(deck.now.at, "postgres@db-1", "every connection is taken"))
    deck.events.append(event(deck.now.at, "redis@db-1", "memory high: over after 6 s"))
    async with opened() as pilot:
        await pilot.press("8", "z")
        await pilot.pause(0.6)
        shown = body(source_pane(pilot, "scenario"))
        (connections,) = (line for line in shown if "every connection" in line)
        (memory,) = (line for line in shown if "memory high" in line)
        assert "postgres@db-1" in connections
        assert "redis@db-1" in memory
