"""The preflight: what one sees of the stack, while checks come in and when all is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rampdeck.config import ScreenConfig
from rampdeck.model import RunState, Stage
from rampdeck.preflight.check import Check, State
from rampdeck.snapshot import LoadView
from tui.panes.checks import ChecksPane
from tui.panes.planned import PlanPane
from tui.screens.go_on import GoOn
from tui.widgets.line_view import LineView

from .conftest import Opened
from .fakes import FakeDeck
from .looking import (
    app_of,
    chosen,
    dashboard,
    keys_of,
    preflight_of,
    repaint,
    rows_of,
    screen_text,
    selected,
    top_of,
    widths,
)
from .made import before, picture
from .preflights import CHECKS, DEBUG, HOSTILE, PG, looking_again, preflight

pytestmark = pytest.mark.usefixtures("_preflight_is_red")


async def test_it_is_what_one_sees_first(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        assert "✖ PREFLIGHT   checkout-peak → shop-staging.example" in top_of(pilot)
        assert "16 ok · 1 warning · 2 failed · 1 not known · 1 left out   done in 1.4\u2009s" in top_of(pilot)
        assert "3 Plan" in screen_text(pilot)


async def test_without_it_one_sees_the_dashboard_first(opened: Opened) -> None:
    async with opened() as pilot:
        assert pilot.app.screen is dashboard(pilot)


async def test_checks_are_pending_and_fill_in_at_their_places(opened: Opened, deck: FakeDeck) -> None:
    deck.found = looking_again(preflight())
    async with opened(preflight=True) as pilot:
        names = [one.title for one in deck.found.checks]
        assert [line[3:].split("  ")[0] for line in rows_of(pilot)[1 : len(names) + 1]] == names
        assert all(line.startswith("◌") for line in rows_of(pilot)[1 : len(names) + 1])
        assert "17 to come" in top_of(pilot)
        deck.found = looking_again(preflight(), {"ssh.connect"})
        await repaint(pilot)
        assert rows_of(pilot)[1].startswith("◌  ssh connect"), "the last to come in keeps its place"
        assert rows_of(pilot)[3].startswith("✖  DEBUG is off")
        deck.found = preflight()
        await repaint(pilot)
        signs = [line[0] for line in rows_of(pilot)[1 : len(CHECKS) + 1]]
        assert "".join(signs) == "✖✖?▲" + "●" * 16 + "○", "what is wrong stands first once all is known"


async def test_the_cursor_goes_to_the_first_failed_check_when_all_are_known(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = looking_again(preflight(), {"redis.info"})
    async with opened(preflight=True) as pilot:
        assert chosen(pilot) == ("ssh.connect", "app-1")
        deck.found = preflight()
        await repaint(pilot)
        assert chosen(pilot) == ("django.debug", "app-1")
        assert "✖ DEBUG is off on app-1" in selected(pilot)


async def test_what_a_failure_hides_stands_below_all_that_was_found(opened: Opened, deck: FakeDeck) -> None:
    hidden = [
        replace(one, state=State.UNKNOWN, because="django.debug at app-1")
        if one.name == "ssh.connect"
        else one
        for one in CHECKS
    ]
    deck.found = preflight(*hidden)
    async with opened(preflight=True) as pilot:
        signs = [line[0] for line in rows_of(pilot)[1 : len(CHECKS) + 1]]
        assert "".join(signs) == "✖✖?▲???" + "●" * 13 + "○"
        assert rows_of(pilot)[5].startswith("?  ssh connect")


async def test_a_cursor_that_somebody_moved_stays_with_its_check(opened: Opened, deck: FakeDeck) -> None:
    deck.found = looking_again(preflight())
    async with opened(preflight=True) as pilot:
        await pilot.press("down", "down", "down")
        assert chosen(pilot) == ("django.migrations", "")
        for late in ({"django.migrations", "clock.offset"}, {"clock.offset"}, set[str]()):
            deck.found = looking_again(preflight(), late) if late else preflight()
            await repaint(pilot)
            assert chosen(pilot)[0] == "django.migrations"
        assert "all 41 are applied" in selected(pilot)


async def test_looking_again_brings_the_cursor_back_to_the_same_host(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("home", *["down"] * 6)
        assert chosen(pilot) == ("ssh.connect", "db-1")
        deck.found = looking_again(preflight())
        await repaint(pilot)
        assert chosen(pilot) == ("ssh.connect", "")
        deck.found = preflight()
        await repaint(pilot)
        assert chosen(pilot) == ("ssh.connect", "db-1")


async def test_the_line_under_the_cursor_does_not_move_when_rows_come_above_it(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = looking_again(preflight())
    async with opened((80, 24), preflight=True) as pilot:
        await pilot.press("end", *["up"] * 4)
        pane = preflight_of(pilot).query_one(ChecksPane)

        def line() -> int:
            return next(y for y, text in enumerate(pane.text.splitlines()) if "scenario loads" in text)

        where = line()
        deck.found = preflight()
        await repaint(pilot)
        assert line() == where


async def test_the_chosen_check_says_what_why_and_how_to_mend_it(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        for text in (DEBUG.found, DEBUG.expected, DEBUG.fix, DEBUG.effect, DEBUG.why):
            assert text in selected(pilot)


async def test_what_is_as_it_should_be_threatens_with_nothing(opened: Opened, deck: FakeDeck) -> None:
    deck.found = preflight(replace(PG, state=State.OK))
    async with opened(preflight=True) as pilot:
        assert PG.effect not in selected(pilot)


async def test_a_long_result_is_cut_in_the_list_and_whole_below(opened: Opened, deck: FakeDeck) -> None:
    path = "/srv/" + "very-long-name/" * 12 + "settings.py"
    deck.found = preflight(replace(DEBUG, found=f"DEBUG is True in {path}", fix=f"sudo vi {path}"))
    async with opened((100, 30), preflight=True) as pilot:
        assert "settings.py" not in preflight_of(pilot).query_one(ChecksPane).text
        assert path in selected(pilot).replace(" ", "")


async def test_more_than_fits_is_scrolled_by_the_arrows(opened: Opened, deck: FakeDeck) -> None:
    deck.found = preflight(replace(DEBUG, why=" ".join(f"word{n}" for n in range(200))))
    async with opened((80, 24), preflight=True) as pilot:
        assert "word199" not in screen_text(pilot)
        assert "more lines ▼" in screen_text(pilot)
        await pilot.press("2", "end")
        assert "word199" in screen_text(pilot)
        assert "DEBUG is off" in selected(pilot), "the title stays"
        await pilot.press("home")
        assert "word199" not in screen_text(pilot)


async def test_a_click_chooses_a_check(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.click("#checks", offset=(10, 3))
        await pilot.pause()
        assert chosen(pilot) == ("postgres.complete", "db-1")


async def test_looking_again_leaves_what_was_wrong_at_the_top(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        deck.found = looking_again(preflight(), {"postgres.complete"})
        await repaint(pilot)
        assert [line[:2] for line in rows_of(pilot)[1:4]] == ["✖ ", "◌ ", "? "]
        deck.found = preflight(*(replace(one, state=State.OK) for one in CHECKS if one.state is State.FAILED))
        await repaint(pilot)
        assert [line[0] for line in rows_of(pilot)[1:3]] == ["●", "●"]


async def test_what_a_server_wrote_is_shown_as_text(opened: Opened, deck: FakeDeck) -> None:
    evil = Check("x", HOSTILE, HOSTILE, State.FAILED, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    deck.found = preflight(evil, *CHECKS)
    async with opened(preflight=True) as pilot:
        assert "[/orders/] [b]x[/b] rm -rf ~" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, GoOn)
        assert "[/orders/] [b]x[/b] rm -rf ~" in screen_text(pilot)
        assert "\x1b" not in screen_text(pilot)
        assert "\u202e" not in screen_text(pilot)


@pytest.mark.parametrize("size", [(160, 45), (130, 31), (100, 30), (80, 24)])
async def test_it_is_whole_at_every_size(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size, preflight=True) as pilot:
        for pane in preflight_of(pilot).query(LineView):
            if pane.display and pane.region:
                assert widths(pane) == {pane.size.width}, pane
        assert preflight_of(pilot).query_one(PlanPane).display == (size[0] >= 130)
        assert "shop-staging.example" in top_of(pilot)
        assert "✖" in top_of(pilot)
        for key in (
            "enter Start",
            "r Re-run",
            "f Re-run failed",
            "c Copy fix",
            "esc Back",
            "? Help",
            "q Quit",
        ):
            assert key in keys_of(pilot)
        assert DEBUG.fix in selected(pilot)


async def test_a_terminal_too_small_says_so(opened: Opened) -> None:
    async with opened((50, 20), preflight=True) as pilot:
        assert "80x24" in screen_text(pilot)
        assert "Checks" not in screen_text(pilot)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_in_ascii_every_glyph_is_ascii(opened: Opened, deck: FakeDeck, size: tuple[int, int]) -> None:
    async with opened(size, ScreenConfig(ascii=True), preflight=True) as pilot:
        assert "x  DEBUG is off" in screen_text(pilot)
        assert "*  ssh connect" in screen_text(pilot)
        assert screen_text(pilot).isascii()
        await pilot.press("enter")
        await pilot.pause()
        assert "x DEBUG is off on app-1" in screen_text(pilot), "in the question too"
        assert screen_text(pilot).isascii()


async def test_nothing_is_painted_while_nothing_changes(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, deck: FakeDeck
) -> None:
    deck.now = picture()
    async with opened(preflight=True) as pilot:
        await repaint(pilot)
        painted: list[LineView] = []
        monkeypatch.setattr(LineView, "refresh", lambda self, *_, **__: painted.append(self))
        app_of(pilot).paint()
        assert not [view for view in painted if view.screen is preflight_of(pilot)]


async def test_a_plan_without_an_end_and_a_warm_up_are_said(opened: Opened, deck: FakeDeck) -> None:
    plan = (Stage("warm", 5, 1, 30, True), Stage("run", 50, 1, float("inf")))
    deck.now = replace(before(), load=LoadView(plan=plan))
    async with opened(preflight=True) as pilot:
        text = preflight_of(pilot).query_one(PlanPane).text
        assert "30\u2009s  warm-up" in text
        assert "no end · max 50 users" in text
        assert deck.now.load.state is RunState.READY


async def test_a_look_while_the_cockpit_closes_does_no_harm(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        app = app_of(pilot)
    assert not app.screen_stack, "it lets go of its screens before the clock of its painting stops"
    app._tick()
