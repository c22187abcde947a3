"""Clearance: the preflight comes first, and a load that it speaks against is asked for once."""

from __future__ import annotations

from collections.abc import Callable

from rampdeck.model import RunState
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.inspection import PreflightView
from rampdeck.snapshot import LoadView
from rampdeck.who import who

from .opening import Opening
from .screens.dashboard import Dashboard
from .screens.dialogs import Confirm
from .screens.go_on import GoOn
from .screens.preflight import Preflight
from .screens.production import TypeHost

PREFLIGHT = "preflight"


class Clearance(Opening):
    """An app whose load begins when nothing stands against it, or when somebody says: all the same."""

    _load: LoadView

    @property
    def front(self) -> Dashboard | Preflight:
        """The screen that is seen below all dialogs."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, (Dashboard, Preflight)):
                return screen
        return self.dashboard

    def paint(self) -> None:
        """Take the picture of this moment and show it."""
        raise NotImplementedError

    def show_preflight(self) -> None:
        """Show what is known of the stack, on the preflight or as a hint on the dashboard."""
        view, front = self._deck.preflight, self.front
        self.dashboard.look_at(view)
        if isinstance(front, Preflight):
            front.show(view or PreflightView(), self._deck.snapshot())

    def cleared(self, go: Callable[[], None]) -> None:
        """Do what may begin the load; where the preflight holds that back, after a question, once."""
        if self._load.state in (RunState.SPAWNING, RunState.RUNNING):
            go()
            return
        if not self._deck.held_back:
            self._take_off(go)
            return
        if isinstance(self.screen, Confirm):
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._deck.go_on_anyway()
                self._take_off(go)

        self.push_screen(GoOn(_against(self._deck.preflight)), answered)

    def confirmed(self, begin: Callable[[], None]) -> None:
        """Do what begins the load, on production once somebody has typed its name."""
        production = self._deck.unconfirmed
        if production is None:
            begin()
            self.paint()
        elif not isinstance(self.screen, TypeHost):

            def typed(host: str | None) -> None:
                if host is not None and self._deck.confirm_production(host, who()):
                    begin()
                    self.paint()

            self.push_screen(TypeHost(production), typed)

    def action_preflight(self) -> None:
        """Open the preflight, as it was left."""
        if isinstance(self.front, Preflight):
            return
        if not self.is_screen_installed(PREFLIGHT):
            self.install_screen(Preflight(), PREFLIGHT)  # kept: mounting it anew would hold up the load
        self.push_screen(PREFLIGHT)
        self.call_later(self.show_preflight)

    def on_preflight_start_wanted(self) -> None:
        """Start the plan; without one, go where the keys of the load are explained."""
        self.cleared(self._begin)

    def on_preflight_leave_wanted(self) -> None:
        """Go to the dashboard; nothing begins."""
        self._leave_preflight()

    def on_preflight_again_wanted(self, message: Preflight.AgainWanted) -> None:
        """Look again."""
        self._deck.check_again(message.names)
        self.show_preflight()

    def on_preflight_copy_wanted(self, message: Preflight.CopyWanted) -> None:
        """Put a fix into the clipboard of the terminal (OSC 52; some have to be told to allow it)."""
        self.copy_to_clipboard(message.text)
        self.say(f"Copied: {message.text}")

    def _begin(self) -> None:
        load = self._deck.snapshot().load
        if load.plan or load.shape:
            self.confirmed(self._deck.return_to_plan)
        else:
            self.say("There is no plan: + starts the load by one step, g goes to a number of users.")

    def _take_off(self, go: Callable[[], None]) -> None:
        """Do it where one sees what comes of it."""
        self._leave_preflight()
        go()

    def _leave_preflight(self) -> None:
        if isinstance(self.screen, Preflight):
            self.pop_screen()
            self.paint()


def _against(view: PreflightView | None) -> list[Check]:
    """Return the checks that speak against the load: those that failed, and those that are not known yet."""
    checks = view.checks if view is not None else ()
    return [one for one in checks if one.state in (State.FAILED, State.PENDING)]
