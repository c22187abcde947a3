"""The dialog for passwords and passphrases: what it says, what it hides, and that the load obeys under it."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr
from textual.pilot import Pilot

from rampdeck.model import RunState
from rampdeck.remote.asking import Question, Wants
from tui.screens.login import LogIn, SecretInput

from .conftest import Opened
from .fakes import FakeDeck
from .looking import app_of, repaint, screen_text
from .made import picture

PASSWORD = Question("db-1", "db-1 (10.0.0.5 port 22)", "deploy", Wants.PASSWORD)
PASSPHRASE = Question(
    "web-1", "web-1 (10.0.0.4 port 22)", "deploy", Wants.PASSPHRASE, file="/srv/keys/id_ed25519"
)
CODE = Question(
    "web-1", "web-1 (10.0.0.4 port 22)", "deploy", Wants.REPLY,
    prompt="Verification code: ", note="Staging gate", echo=True,
)  # fmt: skip
SECRET = "hunter2 is it"


async def idle(pilot: Pilot[None], deck: FakeDeck) -> None:
    """Let no load run."""
    deck._load(state=RunState.READY, users=0, target=0)
    await repaint(pilot)


async def shown(pilot: Pilot[None]) -> None:
    """Let the cockpit look for questions, as it does twice a second."""
    await pilot.pause()
    app_of(pilot)._put_question()
    await pilot.pause()
    await pilot.pause()


async def test_a_password_is_asked_for_hidden_and_handed_over(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        asking = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        assert "Password of deploy on db-1" in screen_text(pilot)
        assert "10.0.0.5" in screen_text(pilot)
        await pilot.press(*SECRET)
        assert SECRET not in screen_text(pilot)
        assert SECRET not in pilot.app.export_screenshot()
        assert "•" * len(SECRET) in screen_text(pilot)
        await pilot.press("enter")
        assert await asking == SecretStr(SECRET)
        await pilot.pause()
        assert not isinstance(pilot.app.screen, LogIn)


async def test_a_passphrase_names_its_file_and_why_the_last_one_was_wrong(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        again = Question(
            PASSPHRASE.host, PASSPHRASE.address, "deploy", Wants.PASSPHRASE,
            file=PASSPHRASE.file, attempt=2, refused="that passphrase does not open the key",
        )  # fmt: skip
        asking = asyncio.create_task(deck.questions.ask(again))
        await shown(pilot)
        text = screen_text(pilot)
        assert "Passphrase of /srv/keys/id_ed25519" in text
        assert "does not open the key · attempt 2 of 3" in text
        await pilot.press("escape")
        assert await asking is None


async def test_a_code_is_asked_for_in_the_hosts_words_and_shown_where_it_says_so(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        asking = asyncio.create_task(deck.questions.ask(CODE))
        await shown(pilot)
        await pilot.press(*"123456")
        text = screen_text(pilot)
        assert "Staging gate" in text
        assert "Verification code:" in text
        assert "123456" in text
        await pilot.press("enter")
        assert await asking == SecretStr("123456")


async def test_hostile_words_of_a_host_are_plain_text(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        hostile = Question(
            "web-1",
            "web-1",
            "[/red]",
            Wants.REPLY,
            prompt="\x1b[2J[bold]Code[/nonsense]\x07: ",
            note="[@click=app.quit]x",
        )
        asking = asyncio.create_task(deck.questions.ask(hostile))
        await shown(pilot)
        assert "[bold]Code[/nonsense]" in screen_text(pilot)
        await pilot.press("escape")
        assert await asking is None


async def test_two_hosts_are_asked_for_one_after_the_other(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        first = asyncio.create_task(deck.questions.ask(PASSWORD))
        second = asyncio.create_task(deck.questions.ask(PASSPHRASE))
        await shown(pilot)
        await pilot.press(*"one", "enter")
        assert await first == SecretStr("one")
        await shown(pilot)
        assert "Passphrase of" in screen_text(pilot)
        await pilot.press(*"two", "enter")
        assert await second == SecretStr("two")


async def test_while_the_load_runs_the_keys_steer_it_until_enter_begins_the_answer(
    opened: Opened, deck: FakeDeck
) -> None:
    async with opened() as pilot:
        asking = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        assert "the load keys work" in screen_text(pilot)
        await pilot.press("plus", "minus", "x", "X")
        assert [call[0] for call in deck.calls] == ["change_target", "change_target", "stop", "abort"]
        deck.now = picture()
        deck.calls.clear()
        await pilot.press("enter", *"sXw", "f9")
        assert deck.calls == [("abort",)]
        await pilot.press("enter")
        assert await asking == SecretStr("sXw")


async def test_a_question_waits_until_another_dialog_is_closed(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await pilot.press("m", *"half a no")
        asking = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        await pilot.press(*"te", "enter")
        await pilot.pause()
        assert ("mark", "half a note") in deck.calls
        await shown(pilot)
        assert isinstance(pilot.app.screen, LogIn)
        await pilot.press("escape")
        assert await asking is None


async def test_a_secret_does_not_leave_by_the_clipboard(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        await idle(pilot, deck)
        asking = asyncio.create_task(deck.questions.ask(PASSWORD))
        await shown(pilot)
        await pilot.press(*SECRET, "home", "shift+end")
        field = pilot.app.screen.query_one(SecretInput)
        assert field.selected_text == SECRET
        field.action_copy()
        field.action_cut()
        assert pilot.app.clipboard == ""
        await pilot.press("escape")
        await asking


async def test_a_host_that_was_left_out_is_in_the_palette(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        names = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert "Log in to db-1" not in names
        deck.left_out = ("db-1",)
        commands = {command.title: command for command in pilot.app.get_system_commands(pilot.app.screen)}
        commands["Log in to db-1"].callback()
        assert deck.calls == [("log_in", "db-1")]


async def test_a_defect_while_one_types_does_not_spell_the_secret_out(
    opened: Opened, deck: FakeDeck, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback shows every local variable, and it is recorded."""
    monkeypatch.setattr(LogIn, "dismiss", lambda *_: 1 / 0)

    async def answered() -> None:
        async with opened() as pilot:
            await idle(pilot, deck)
            asking = asyncio.create_task(deck.questions.ask(PASSWORD))
            await shown(pilot)
            await pilot.press(*SECRET, "enter")
            await pilot.pause()
            asking.cancel()

    with pytest.raises(ZeroDivisionError):
        await answered()
    told = capsys.readouterr().err
    assert "SecretStr('**********')" in told
    assert SECRET not in told
