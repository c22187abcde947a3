"""The preflight: what it shows while checks come in, what its keys ask for, and what it holds back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from rampdeck.config import ScreenConfig
from rampdeck.model import RunState, Stage
from rampdeck.preflight.check import Check, State
from rampdeck.snapshot import LoadView
from tui.panes.checks import ChecksPane
from tui.panes.planned import PlanPane
from tui.panes.selected import SelectedPane
from tui.screens.dialogs import Confirm
from tui.screens.go_on import GoOn
from tui.screens.login import LogIn
from tui.screens.preflight import Preflight
from tui.widgets.line_view import LineView

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, bar, body, dashboard, repaint, screen_text, widths
from .made import before, picture
from .preflights import CHECKS, DEBUG, LEVEL, PG, RIGHTS, green, looking_again, preflight
from .test_login import PASSWORD, shown

HOSTILE = "\x1b]52;c;cm0=\x07[/orders/] [b]x[/b]\nrm -rf ~\u202e"


@pytest.fixture(autouse=True)
def _waiting(deck: FakeDeck) -> None:
    deck.now = before()
    deck.found = preflight()


def screen(pilot: Pilot[None]) -> Preflight:
    front = app_of(pilot).front
    assert isinstance(front, Preflight)
    return front


def list_of(pilot: Pilot[None]) -> list[str]:
    return body(screen(pilot).query_one(ChecksPane))


def chosen(pilot: Pilot[None]) -> tuple[str, str]:
    check = screen(pilot).query_one(ChecksPane).chosen
    assert check is not None
    return check.name, check.host


def selected(pilot: Pilot[None]) -> str:
    """Return the text of the chosen check with every run of blanks as one."""
    lines = screen(pilot).query_one(SelectedPane).text.splitlines()
    return " ".join(" ".join(line.strip("│╭╰╮╯─ ") for line in lines).split())


def top(pilot: Pilot[None]) -> str:
    return screen(pilot).query_one("#top", LineView).text


def keys(pilot: Pilot[None]) -> str:
    return screen(pilot).query_one("#keys", LineView).text


def enabled(pilot: Pilot[None]) -> dict[str | None, bool]:
    return {one.binding.id: one.enabled for one in pilot.app.screen.active_bindings.values()}


def under_way() -> LoadView:
    return picture().load


# What one sees.


async def test_it_is_what_one_sees_first(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        assert "✖ PREFLIGHT   checkout-peak → shop-staging.example" in top(pilot)
        assert "16 ok · 1 warning · 2 failed · 1 unknown · 1 skipped   done in 1.4\u2009s" in top(pilot)
        assert "3 Plan" in screen_text(pilot)


async def test_without_it_one_sees_the_dashboard_first(opened: Opened) -> None:
    async with opened() as pilot:
        assert pilot.app.screen is dashboard(pilot)


async def test_checks_are_pending_and_fill_in_at_their_places(opened: Opened, deck: FakeDeck) -> None:
    deck.found = looking_again(preflight())
    async with opened(preflight=True) as pilot:
        names = [one.title for one in deck.found.checks]
        assert [line[3:].split("  ")[0] for line in list_of(pilot)[1 : len(names) + 1]] == names
        assert all(line.startswith("◌") for line in list_of(pilot)[1 : len(names) + 1])
        assert "17 pending" in top(pilot)
        deck.found = looking_again(preflight(), {"ssh.connect"})
        await repaint(pilot)
        assert list_of(pilot)[1].startswith("◌  ssh connect"), "the last to come in keeps its place"
        assert list_of(pilot)[3].startswith("✖  DEBUG is off")
        deck.found = preflight()
        await repaint(pilot)
        assert [line[0] for line in list_of(pilot)[1:6]] == ["●", "●", "●", "●", "✖"]


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
        await pilot.press("home", "down", "down")
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
        await pilot.press("end", "up")
        pane = screen(pilot).query_one(ChecksPane)

        def line() -> int:
            return next(y for y, text in enumerate(pane.text.splitlines()) if "enough rows" in text)

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
        assert "settings.py" not in screen(pilot).query_one(ChecksPane).text
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
        assert chosen(pilot) == ("ssh.connect", "app-2")


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
        for pane in screen(pilot).query(LineView):
            if pane.display and pane.region:
                assert widths(pane) == {pane.size.width}, pane
        assert screen(pilot).query_one(PlanPane).display == (size[0] >= 130)
        assert "shop-staging.example" in top(pilot)
        assert "✖" in top(pilot)
        for key in (
            "enter Start",
            "r Re-run",
            "f Re-run failed",
            "c Copy fix",
            "esc Back",
            "? Help",
            "q Quit",
        ):
            assert key in keys(pilot)
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
        assert not [view for view in painted if view.screen is screen(pilot)]


# Its keys.


async def test_enter_starts_the_plan_when_nothing_stands_against_it(opened: Opened, deck: FakeDeck) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        assert "enter starts the plan" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]
        assert pilot.app.screen is dashboard(pilot)


async def test_a_warning_or_an_unknown_holds_nothing_back(opened: Opened, deck: FakeDeck) -> None:
    deck.found = preflight(LEVEL, RIGHTS)
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]


async def test_enter_without_a_plan_leaves_the_load_to_the_keys(opened: Opened, deck: FakeDeck) -> None:
    deck.found, deck.now = green(), replace(before(), load=LoadView())
    async with opened(preflight=True) as pilot:
        assert "no plan" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is dashboard(pilot)
        assert "+ starts the load" in screen_text(pilot)


async def test_enter_starts_a_locustfiles_shape(opened: Opened, deck: FakeDeck) -> None:
    deck.found, deck.now = green(), replace(before(), load=LoadView(shape=True))
    async with opened(preflight=True) as pilot:
        assert "LoadTestShape" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == [("return_to_plan",)]


async def test_enter_asks_when_a_check_failed_and_lists_what_the_record_lacks(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        for check in (DEBUG, PG):
            assert check.title in screen_text(pilot)
            assert check.effect in screen_text(pilot)
        assert LEVEL.effect not in screen_text(pilot)
        assert deck.calls == []
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("return_to_plan",)]
        assert pilot.app.screen is dashboard(pilot)


async def test_pressing_enter_twice_does_not_answer_the_question(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is screen(pilot)


async def test_escape_from_the_question_starts_nothing(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is screen(pilot)


async def test_enter_asks_while_checks_are_pending_and_names_them(opened: Opened, deck: FakeDeck) -> None:
    deck.found = looking_again(green(), {"redis.info", "clock.offset"})
    async with opened(preflight=True) as pilot:
        assert "enter asks while some are ◌" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "2 not known yet: redis INFO, clock offset" in screen_text(pilot)
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("return_to_plan",)]


async def test_before_anything_is_looked_at_nothing_is_called_done(opened: Opened, deck: FakeDeck) -> None:
    deck.found = replace(looking_again(preflight()), running=False, seconds=0.0)
    async with opened(preflight=True) as pilot:
        assert "about to begin" in top(pilot)
        assert "done" not in top(pilot)


async def test_r_looks_at_everything_and_f_at_what_failed_or_is_not_known(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("f")
        await pilot.pause()
        assert deck.calls == [("check_again", {"django.debug", "postgres.complete", "journal.rate"})]
        assert "3 pending" in top(pilot), "at once"
        await pilot.press("r", "f")
        assert len(deck.calls) == 1, "it is being looked at"
        deck.found = preflight()
        await repaint(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert deck.calls[1:] == [("check_again", None)]


async def test_where_nothing_failed_f_is_grey(opened: Opened, deck: FakeDeck) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        assert not enabled(pilot)["preflight.failed"]
        assert enabled(pilot)["preflight.again"]
        await pilot.press("f")
        assert deck.calls == []


async def test_c_copies_the_fix_and_says_so(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press(*["down"] * 9)
        assert chosen(pilot) == ("postgres.complete", "db-1")
        await pilot.press("c")
        await pilot.pause()
        assert pilot.app.clipboard == "GRANT pg_monitor TO monitor;"
        assert "Copied: GRANT pg_monitor TO monitor;" in screen_text(pilot)


async def test_what_is_copied_is_one_line_without_what_a_terminal_would_obey(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = preflight(replace(DEBUG, fix=HOSTILE))
    async with opened(preflight=True) as pilot:
        await pilot.press("c")
        await pilot.pause()
        assert pilot.app.clipboard == "[/orders/] [b]x[/b] rm -rf ~\N{REPLACEMENT CHARACTER}"


async def test_where_there_is_nothing_to_mend_c_is_grey(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        assert enabled(pilot)["preflight.copy"]
        await pilot.press("home")
        await pilot.pause()
        assert not enabled(pilot)["preflight.copy"]
        await pilot.press("c")
        assert pilot.app.clipboard == ""


async def test_escape_goes_to_the_dashboard_and_k_comes_back(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)
        await pilot.press("k")
        await pilot.pause()
        await pilot.pause()
        assert chosen(pilot) == ("django.debug", "app-1")
        await pilot.press("k")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)
        assert deck.calls == []


async def test_the_palette_opens_it_too_where_there_is_one(opened: Opened, deck: FakeDeck) -> None:
    def titles() -> set[str]:
        return {one.title for one in app_of(pilot).get_system_commands(pilot.app.screen)}

    async with opened() as pilot:
        assert "Preflight" in titles()
        deck.found = None
        assert "Preflight" not in titles()
        await pilot.press("k")
        await pilot.pause()
        assert pilot.app.screen is dashboard(pilot)


async def test_the_keys_of_its_panes_are_the_digits(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        for key, kind in (("2", SelectedPane), ("3", PlanPane), ("1", ChecksPane)):
            await pilot.press(key)
            assert isinstance(pilot.app.focused, kind)
        await pilot.press("5", "z", "t")
        assert isinstance(pilot.app.focused, ChecksPane), "the panes of the dashboard are not here"
        assert not dashboard(pilot).has_class("-zoom")


async def test_help_tells_its_keys(opened: Opened) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Copy how to mend it" in screen_text(pilot)


async def test_its_keys_are_the_users_own_where_he_says_so(opened: Opened, deck: FakeDeck) -> None:
    config = ScreenConfig(keys={"preflight.again": "f5", "preflight": "y"})
    async with opened(config=config) as pilot:
        await pilot.press("y")
        await pilot.pause()
        await pilot.pause()
        await pilot.press("f5")
        await pilot.pause()
        assert deck.calls == [("check_again", None)]


async def test_the_stop_keys_work_as_everywhere(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened(preflight=True) as pilot:
        assert "X Abort" in keys(pilot)
        for key, call in (("x", "stop"), ("X", "abort"), ("f9", "abort")):
            deck.now = picture()
            await repaint(pilot)
            await pilot.press(key)
            assert deck.calls.pop() == (call,)


async def test_f9_stops_under_the_question_too(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, GoOn)
        await pilot.press("f9")
        assert deck.calls == [("abort",)]


async def test_while_the_load_runs_it_is_only_looked_at(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened() as pilot:
        await pilot.press("k")
        await pilot.pause()
        await pilot.pause()
        assert "the load is running" in screen_text(pilot)
        assert "Start" not in keys(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert deck.calls == []
        assert pilot.app.screen is screen(pilot)


# What it holds back elsewhere.


START: dict[str, tuple[list[str], tuple[object, ...]]] = {
    "+": (["plus"], ("change_target", 10)),
    "w": (["w"], ("change_target", 1)),
    "p": (["p"], ("return_to_plan",)),
    "A": (["A"], ("auto_step",)),
    "g": (["g", "5", "enter"], ("set_target", 5)),
}


@pytest.mark.parametrize("name", START)
async def test_starting_from_the_dashboard_asks_the_same_question_once(
    opened: Opened, deck: FakeDeck, name: str
) -> None:
    press, call = START[name]
    async with opened() as pilot:
        await pilot.press(*press)
        await pilot.pause()
        assert isinstance(pilot.app.screen, GoOn)
        await pilot.press("escape", *press)
        await pilot.pause()
        assert deck.calls == []
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), call]
        deck.now = before()
        await repaint(pilot)
        await pilot.press(*press)
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), call, call]


async def test_a_load_that_is_under_way_is_changed_without_a_question(opened: Opened, deck: FakeDeck) -> None:
    deck.now = picture()
    async with opened() as pilot:
        await pilot.press("plus", "minus", "W")
        assert [call[0] for call in deck.calls] == ["change_target"] * 3


async def test_going_to_no_users_needs_no_question(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("g", "0", "enter")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Confirm)


async def test_a_load_key_on_the_preflight_goes_where_one_sees_what_comes_of_it(
    opened: Opened, deck: FakeDeck
) -> None:
    deck.found = green()
    async with opened(preflight=True) as pilot:
        await pilot.press("plus")
        await pilot.pause()
        assert deck.calls == [("change_target", 10)]
        assert pilot.app.screen is dashboard(pilot)


async def test_above_max_users_both_are_asked(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        await pilot.press("g", *"5000", "enter")
        await pilot.pause()
        assert type(pilot.app.screen) is GoOn
        await pilot.press("y")
        await pilot.pause()
        assert type(pilot.app.screen) is Confirm
        await pilot.press("y")
        await pilot.pause()
        assert deck.calls == [("go_on_anyway",), ("set_target", 5000)]


@pytest.mark.parametrize(("size", "hint"), [((160, 45), "k preflight ✖2"), ((100, 30), "checks ✖2")])
async def test_the_top_bar_says_quietly_that_checks_failed(
    opened: Opened, deck: FakeDeck, size: tuple[int, int], hint: str
) -> None:
    deck.now = picture()
    async with opened(size) as pilot:
        assert hint in bar(pilot, "top")
        deck.found = green()
        await repaint(pilot)
        assert hint.split()[-2] not in bar(pilot, "top")
        deck.found = None
        await repaint(pilot)
        assert hint.split()[-2] not in bar(pilot, "top")


async def test_a_password_is_asked_for_above_it(opened: Opened, deck: FakeDeck) -> None:
    async with opened(preflight=True) as pilot:
        asked = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        assert isinstance(pilot.app.screen, LogIn)
        await pilot.press("escape")
        assert await asked is None
        await pilot.pause()
        assert app_of(pilot).screen == screen(pilot)


async def test_a_plan_without_an_end_and_a_warm_up_are_said(opened: Opened, deck: FakeDeck) -> None:
    plan = (Stage("warm", 5, 1, 30, True), Stage("run", 50, 1, float("inf")))
    deck.now = replace(before(), load=LoadView(plan=plan))
    async with opened(preflight=True) as pilot:
        text = screen(pilot).query_one(PlanPane).text
        assert "30\u2009s  warm-up" in text
        assert "no end · max 50 users" in text
        assert deck.now.load.state is RunState.READY
