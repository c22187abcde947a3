"""What the operator may do to a live run: the half of the deck that changes something.

Every control returns at once: it says what is wanted, on the timeline too, and
the engine follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from rampdeck.duties import Duties
from rampdeck.engine.driver import Order
from rampdeck.engine.engine import LoadEngine
from rampdeck.intake import Intake
from rampdeck.model import EventKind, Instant, RunState, Severity, Stage, Value
from rampdeck.readers import Readers
from rampdeck.sight import Sight
from rampdeck.snapshot import Verdict
from rampdeck.view import Action


class Controls(Sight):
    """A run as it is steered; :class:`~rampdeck.run.Run` makes and moves what is steered."""

    engine: LoadEngine
    began: Instant | None
    ended: str
    over: asyncio.Event
    leave: Callable[[], None]
    _duties: Duties
    _intake: Intake
    _readers: Readers

    def change_target(self, by: int) -> None:
        """Add users to the target, or take some."""
        self.set_target(max(0, self.engine.target + by))

    def set_target(self, users: int) -> None:
        """Ask for this many users; leaves the plan."""
        before = self.engine.target
        if (users == 0 and not self.engine.running) or self._is_held_back():
            return
        users = self.engine.ceilings.cut_users(users)
        left = f" (left the {self.walk.name})" if self.walk.following or self.engine.shape_running else ""
        self.walk.leave()
        self.session.say(EventKind.KEY, f"target {before} → {users} users{left}", {"users": str(users)})
        self._want(Order(users, self.engine.spawn_rate, "key"))

    def toggle_hold(self) -> None:
        """Hold a running plan, or go on with it."""
        if self.walk.following:
            self.walk.toggle_hold()
            self.session.say(EventKind.KEY, f"{self.walk.name} {'held' if self.walk.held else 'goes on'}")

    def return_to_plan(self) -> None:
        """Start the plan or take it up where it was left; a locustfile's shape starts anew."""
        if self._is_held_back():
            return
        if self.engine.has_shape:
            if not self.engine.shape_running and self.engine.state is not RunState.STOPPING:
                self.session.say(EventKind.KEY, "the locustfile's shape drives the load")
                self._load_begins()
                self.engine.start_shape()
        elif self.walk.held and (self.walk is self.pilot.plan or not self.pilot.plan.stages):
            self.toggle_hold()
        else:
            self._go_to(self.pilot.take_up_plan())

    def auto_step(self) -> None:
        """Raise the load by itself from where it is, or go on with that at the level where it was left."""
        stopping = self.engine.state is RunState.STOPPING
        if not self.engine.has_shape and not stopping and not self._is_held_back():
            self._go_to(self.pilot.take_up_auto(self.engine.target if self.engine.running else 0))

    def stop(self) -> None:
        """Stop the load gracefully."""
        self._operator_stops("stop")
        self.engine.stop()

    def abort(self) -> None:
        """Stop the load at once."""
        self._operator_stops("stop at once")
        self.engine.abort()

    def interrupt(self) -> None:
        """Stop gracefully and leave the screen, if there is one: what a signal asks for.

        The load may not have begun yet; then it does not begin.
        """
        self.stop()
        self.ended = self.ended or "operator"
        if self.began is None:
            self.over.set()
        self.leave()

    def refuse(self) -> None:
        """End a run before its load because the preflight stands against it."""
        if self.began is None and not self.ended:
            self._is_held_back()
            self.ended = "preflight"
            self.over.set()

    def confirm_production(self, typed: str, name: str) -> bool:
        """Take the host's name that a person typed; return whether the load may begin now."""
        return self.warden.confirm(typed, name)

    def lose(self, why: str) -> None:
        """Stop at once and leave the screen, if there is one: nobody is there any more to steer.

        A load that has not begun does not begin.
        """
        if self.engine.running:
            self.session.say(EventKind.LOAD, f"{why}: the load stops", severity=Severity.CRITICAL)
        self.ended = self.ended or "terminal"
        self.walk.leave()
        self.engine.abort()
        if self.began is None:
            self.over.set()
        self.leave()

    def choose_classes(self, names: Collection[str]) -> None:
        """Take these user classes, and no others, from the next start of the load on."""
        self.engine.classes.choose(names)
        when = " from the next start of the load on" if self.engine.running else ""
        self.session.say(EventKind.KEY, f"user classes{when}: {', '.join(names)}")

    def log_in(self, host: str) -> None:
        """Try a host again that was left out."""
        self.session.say(EventKind.KEY, f"log in to {host}")
        self.setup.hosts.log_in(host)

    def check_again(self, names: Collection[str] | None = None) -> None:
        """Look at these checks of the preflight again, or at all."""
        if self.clearance is not None:
            self.session.say(EventKind.KEY, f"preflight again: {', '.join(names or ['everything'])}")
            self._duties.start("preflight", self.clearance.look(names))

    def go_on_anyway(self) -> None:
        """Let the load begin in spite of the preflight."""
        if self.clearance is not None:
            self.clearance.go_on_anyway()

    def mark(self, text: str) -> None:
        """Put a note on the timeline."""
        self.session.say(EventKind.MARK, text)

    def decide(self, verdict: Verdict, name: str, note: str) -> None:
        """Note what a person decided, beside what is computed at this moment."""
        computed = self.snapshot().verdict
        fields = {"verdict": verdict.value, "computed": computed.value, "name": name, "note": note}
        did = f"accepted {computed}" if verdict is computed else f"overruled {computed}: {verdict}"
        self.session.say(EventKind.DECISION, f"{name} {did}" + (f", {note}" if note else ""), fields)

    async def act(self, source: str, action: Action, row: Mapping[str, Value]) -> str:
        """Do something with a row of a source's table; the answer stands in the session too."""
        self.session.say(EventKind.KEY, f"{action.label} on {source}")
        return await self._readers.act(source, action, row)

    # -- orders

    def _is_held_back(self) -> bool:
        """Tell whether the load is to begin and must not, and note that."""
        refused = self.engine.ceilings.refuses()
        self.warden.tell()
        if refused or self.engine.running or not self.held_back:
            return refused
        self.session.say(
            EventKind.LOAD, f"the load does not begin: {self.held_back}", severity=Severity.WARNING
        )
        return True

    def _go_to(self, stage: Stage | None) -> None:
        if stage is not None:
            self._want(Order(stage.users, stage.spawn_rate, self.walk.cause, stage.name, stage.warmup))

    def _want(self, order: Order) -> None:
        self._load_begins()
        self.engine.want(order)

    def _load_begins(self) -> None:
        self._intake.take()
        if self.began is None or self.ended:
            self.began = Instant.now()
            self.ended = ""
            self.over.clear()

    def _operator_stops(self, what: str) -> None:
        if self.engine.running:
            self.ended = self.ended or "operator"
            self.session.say(EventKind.KEY, what)
        self.walk.leave()
