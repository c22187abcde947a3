"""The cockpit: one timer that paints, and one action for every key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.screen import Screen

from rampdeck import format as fmt
from rampdeck.config import ScreenConfig
from rampdeck.deck import Deck
from rampdeck.errors import RampdeckError
from rampdeck.model import Severity
from rampdeck.snapshot import LoadView
from rampdeck.who import who

from .clearance import Clearance
from .keymap import APP, PANE_KEYS, PREFLIGHT, bindings, checked
from .screens.classes import ChooseClasses
from .screens.dashboard import Dashboard
from .screens.decide import Decide, Decided
from .screens.dialogs import Confirm, GoTo, Note
from .screens.help import Help
from .screens.login import LogIn
from .terminal import Terminal
from .theme import DARK, OWN
from .widgets.line_view import LineView
from .widgets.pane import Pane

TICK = 0.5
"""Seconds between looks at the logs; every second one takes a new snapshot."""


class Cockpit(Clearance):
    """Shows a session and steers it; :meth:`run_async` returns when the operator leaves.

    With ``preflight`` it begins with what was checked of the stack. It knows
    only the :class:`Deck`. Stopping the load and writing the record at the end
    are the affair of whoever started it.
    """

    TITLE = "Rampdeck"
    CSS_PATH = "rampdeck.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(APP)
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, deck: Deck, config: ScreenConfig | None = None, *, preflight: bool = False) -> None:
        self._deck = deck
        self._preflight_first = preflight
        self._config = config or ScreenConfig()
        self._allowed = deck.limits.max_users
        self._ticks = 0
        self._guarded = 0
        self._keys_state: object = None
        self._load = LoadView()
        self.painted = asyncio.Event()
        """Set when the operator sees the cockpit for the first time."""
        super().__init__()
        self.animation_level = "none"
        for theme in OWN:
            self.register_theme(theme)
        LineView.plain = self._config.ascii
        self.set_class(self._config.ascii, "-ascii")
        self.set_keymap(checked(self._config.keys))

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that never waits for the terminal."""
        found = super().get_driver_class()
        return Terminal if found.__name__ == "LinuxDriver" else found

    def get_default_screen(self) -> Screen[object]:
        """Return the dashboard."""
        return Dashboard(self._deck)  # type: ignore[return-value]

    def on_mount(self) -> None:
        """Choose the theme and begin to paint."""
        if self._config.theme in self.available_themes:
            self.theme = self._config.theme
        else:
            self.theme = DARK.name
            known = ", ".join(sorted(self.available_themes))
            self.say(f'There is no theme "{self._config.theme}". There are: {known}.', "warning")
        if self._preflight_first:
            self.action_preflight()
        self.set_interval(TICK, self._tick, name="paint")
        self.call_after_refresh(self._first_tick)

    def _first_tick(self) -> None:
        self._tick()
        self.call_after_refresh(self.painted.set)

    # Painting.

    def paint(self) -> None:
        """Take the picture of this moment and show it."""
        snapshot = self._deck.snapshot()
        self._load = snapshot.load
        self.show_preflight()
        self.dashboard.snapshot = snapshot
        load = snapshot.load
        planned = bool(load.plan) or load.shape
        state = (load.state, load.following, load.held, load.auto, planned, load.target == 0)
        if state != self._keys_state:
            self._keys_state = state
            self.front.refresh_bindings()

    def _tick(self) -> None:
        driver = self._driver
        if isinstance(driver, Terminal) and driver.stalled:
            return
        if not self.screen_stack:  # it is closing, and lets go of the screens one by one
            return
        if self._ticks % 2 == 0:
            self.paint()
        else:
            self.show_preflight()
        self._ticks += 1
        self.dashboard.read_logs()
        self._tell_of_the_guard()
        self._put_question()

    def _tell_of_the_guard(self) -> None:
        """Show what the guard did since the last look: it cut a load, or ended it."""
        self._guarded, events = self._deck.events_after(self._guarded, ("engine",), most=20)
        for event in events:
            if "guard" in event.fields:
                self.say(event.text, "error" if event.severity <= Severity.CRITICAL else "warning")

    def _put_question(self) -> None:
        """Put what a host wants to know, when no other dialog is open."""
        asked = self._deck.questions.first
        if asked is not None and self.screen is self.front:
            # A key that is meant for the load must not end in a password.
            typing = not self._load.under_way
            self.push_screen(LogIn(asked.question, typing=typing), asked.answer)

    # The load.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey the keys that can do nothing now."""
        load = self._load
        match action:
            case "step" | "add":
                amount = parameters[0] if parameters else 0
                down = isinstance(amount, int) and amount < 0
                return None if down and load.target == 0 else True
            case "hold":
                return True if load.plan and (load.following or load.held) else None
            case "plan":
                planned = load.plan or load.shape
                return True if planned and (not load.following or load.held or load.auto) else None
            case "auto_step":
                return None if load.shape or (load.auto and load.following) else True
            case "stop":
                return True if load.under_way else None
            case "preflight":
                return True if self._deck.preflight is not None else None
            case _:
                return True

    def action_step(self, steps: int) -> None:
        """Change the target by steps."""
        self._change(steps * self._deck.limits.step)

    def action_add(self, users: int) -> None:
        """Change the target by users."""
        self._change(users)

    def action_goto(self) -> None:
        """Ask for a number of users and go there."""

        def go(users: int | None) -> None:
            if users is not None and (users or self._deck.unconfirmed is None):
                go_there = partial(
                    self._raise_to, users, partial(self.confirmed, partial(self._deck.set_target, users))
                )
                self.cleared(go_there) if users else go_there()

        self.push_screen(GoTo(self._load.target, self._deck.limits.max_users), go)

    def action_hold(self) -> None:
        """Hold the plan, or go on with it."""
        self._deck.toggle_hold()
        self.paint()

    def action_plan(self) -> None:
        """Start the plan or return to it."""
        self.cleared(partial(self.confirmed, self._deck.return_to_plan))

    def action_auto_step(self) -> None:
        """Raise the load by steps while the gate holds."""
        self.cleared(partial(self.confirmed, self._deck.auto_step))

    def action_stop(self) -> None:
        """Stop the load gracefully."""
        self._deck.stop()
        self.paint()

    def action_abort(self) -> None:
        """Stop the load at once; never asks."""
        self._deck.abort()
        self.paint()

    def _change(self, by: int) -> None:
        target = self._load.target + by
        if by > 0:
            self.cleared(
                partial(
                    self._raise_to, target, partial(self.confirmed, partial(self._deck.change_target, by))
                )
            )
        else:
            self._deck.change_target(by)
            self.paint()

    def _raise_to(self, users: int, go: object) -> None:
        """Do it, after a question if that is more than anybody allowed so far."""
        assert callable(go)
        if users <= max(self._allowed, self._load.target):
            go()
            return
        most = self._deck.limits.max_users

        def answered(yes: bool | None) -> None:
            if yes:
                self._allowed = users
                go()

        if isinstance(self.screen, Confirm):
            return
        self.push_screen(
            Confirm(
                f"Raise the load to {fmt.count(users)} users?",
                f"max_users under [load] is {fmt.count(most)}; the target is {fmt.count(self._load.target)}.",
                f"Raise to {fmt.count(users)}",
            ),
            answered,
        )

    # The session.

    def action_mark(self) -> None:
        """Ask for a note and put it on the timeline."""

        def put(text: str | None) -> None:
            if text:
                self._deck.mark(text)
                self.paint()

        self.push_screen(Note(), put)

    def action_decide(self) -> None:
        """Ask for the decision; the record keeps it beside the computed verdict."""
        snapshot = self._deck.snapshot()
        last = snapshot.decision

        def decided(answer: Decided | None) -> None:
            if answer is not None:
                self._deck.decide(answer.verdict, answer.name, answer.note)
                self.paint()
                self.say(f"Decided: {answer.verdict}, {answer.name}. It stands in the record.")

        self.push_screen(Decide(snapshot, last.fields["name"] if last else who()), decided)

    def action_record(self) -> None:
        """Write the decision record as of now."""
        self.run_worker(self._save_record(), group="record", exclusive=True, exit_on_error=False)

    async def _save_record(self) -> None:
        try:
            path = await self._deck.save_record()
        except (RampdeckError, OSError) as error:
            self.say(f"The record could not be written: {error}", "error")
        else:
            self.say(f"The record is in {_near(path)}")

    async def action_quit(self) -> None:
        """Leave; asks while the load runs."""
        if not self._load.under_way:
            self.exit()
            return
        if isinstance(self.screen, Confirm):
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit()

        self.push_screen(
            Confirm(
                "Quit while the load is running?",
                f"{fmt.count(self._load.users)} users are running. Quitting stops them and ends the session.",
                "Stop and quit",
            ),
            answered,
        )

    def action_classes(self) -> None:
        """Ask which user classes the next load has."""
        running = self._load.under_way

        def choose(names: tuple[str, ...] | None) -> None:
            if names:
                self._deck.choose_classes(names)
                when = "from the next start of the load on" if running else "when the load starts"
                self.say(f"User classes {when}: {', '.join(names)}")

        self.push_screen(ChooseClasses(self._deck.user_classes, running=running), choose)

    # The panes.

    def action_pane(self, number: int) -> None:
        """Go to a pane."""
        self.front.go_to(number)

    def action_zoom(self) -> None:
        """Zoom the focused pane, or take it back."""
        if self.front is self.dashboard:
            self.dashboard.toggle_zoom()

    def action_leave_pane(self) -> None:
        """Leave the zoom, then the pane."""
        self.dashboard.back()

    def action_help(self) -> None:
        """Show the keys and what the focused pane means."""
        focused, first = self.front.focused, () if self.front is self.dashboard else PREFLIGHT
        if isinstance(focused, Pane):
            self.push_screen(Help(f"{PANE_KEYS[focused.number]} {focused.heading}", focused.help, first))
        else:
            self.push_screen(Help("", "", first))

    # The palette.

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """Offer every action by name, themes and a picture of the screen."""
        for binding in APP:
            name = binding.id or ""
            if not binding.tooltip or name in ("back", "quit.ctrl") or name.startswith("pane."):
                continue
            if name == "preflight" and self._deck.preflight is None:
                continue
            does = partial(self.run_action, binding.action, self)
            yield SystemCommand(binding.description, binding.tooltip, does)
        for number, pane in sorted(self.dashboard.panes.items()):
            go = partial(self.action_pane, number)
            yield SystemCommand(f"Pane {PANE_KEYS[number]}: {pane.heading}", "Go to this pane", go)
        yield SystemCommand(
            "Choose user classes...", "Which users the next load has, and their weights", self.action_classes
        )
        for host in self._deck.left_out:
            again = partial(self._deck.log_in, host)
            yield SystemCommand(f"Log in to {host}", "Try this host again; it asks anew", again)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)
        yield SystemCommand(
            "Save a picture of the screen", "As SVG, in the folder of the session", self.action_picture
        )

    def action_picture(self) -> None:
        """Save a picture of the screen beside the session file, or here if there is none."""
        snapshot = self.dashboard.snapshot
        folder = snapshot.recording.path.parent if snapshot.recording.path else Path()
        path = folder / f"rampdeck-{fmt.clock(snapshot.at.utc).replace(':', '')}.svg"
        try:
            self.picture(path)
        except OSError as error:
            self.say(f"The picture could not be written: {path}: {error.strerror}", "error")
        else:
            self.say(f"The picture is in {_near(path)}")

    def picture(self, path: Path) -> None:
        """Write the screen as SVG; it fetches nothing when it is opened, so no font either."""
        drawn = self.export_screenshot(title="Rampdeck", simplify=True)
        path.write_text(re.sub(r"@font-face\s*\{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


def _near(path: Path) -> str:
    """Return a path as seen from the working directory, where it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
