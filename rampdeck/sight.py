"""What of a live run is seen: the half of the deck that changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rampdeck.config import LoadConfig
from rampdeck.deck import UserClass
from rampdeck.guard.production import Production
from rampdeck.guard.warden import Warden
from rampdeck.levels.autopilot import Autopilot
from rampdeck.levels.autostep import AutoStep
from rampdeck.levels.plan import PlanWalk
from rampdeck.model import Event
from rampdeck.picture import Painter
from rampdeck.preflight.clearance import Clearance
from rampdeck.preflight.inspection import PreflightView
from rampdeck.record.outcome import Outcome
from rampdeck.remote.asking import Questions
from rampdeck.session import Session
from rampdeck.setup import Setup
from rampdeck.snapshot import Snapshot
from rampdeck.standing import Standing
from rampdeck.view import Metric, View


class Sight:
    """A run as the screen sees it; :class:`~rampdeck.run.Run` makes and moves what is seen."""

    setup: Setup
    session: Session
    pilot: Autopilot
    clearance: Clearance | None
    warden: Warden
    _painter: Painter
    _standing: Standing

    @property
    def views(self) -> Mapping[str, View]:
        """The pane of each kind of source."""
        return self.setup.views

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by the name it has in a threshold."""
        return self.setup.metrics

    @property
    def walk(self) -> PlanWalk | AutoStep:
        """The plan or the auto-step, whichever drives the load, drove it last, or would."""
        return self.pilot.walk

    @property
    def questions(self) -> Questions:
        """What hosts and key files want to know from the operator."""
        return self.setup.questions

    @property
    def user_classes(self) -> tuple[UserClass, ...]:
        """All user classes of the scenario."""
        return self.setup.engine.classes.all

    @property
    def unconfirmed(self) -> Production | None:
        """That the load would go to production, as long as nobody has confirmed it."""
        return self.warden.unconfirmed

    @property
    def outcome(self) -> Outcome:
        """How the run came out so far, as far as the session's items do not tell."""
        return self._standing.outcome

    @property
    def left_out(self) -> tuple[str, ...]:
        """The hosts that are not tried, because nobody answered or no answer was right."""
        return self.setup.hosts.left_out

    @property
    def preflight(self) -> PreflightView | None:
        """What the preflight knows by now; ``None`` where nobody wanted one."""
        return self.clearance.view if self.clearance else None

    @property
    def held_back(self) -> str:
        """Why the preflight does not let the load begin; empty where it does."""
        return self.clearance.held_back if self.clearance else ""

    @property
    def limits(self) -> LoadConfig:
        """The step of ``+`` and ``-``, and the users above which to ask."""
        return self.setup.config.load

    def snapshot(self) -> Snapshot:
        """Return the picture of this moment."""
        return self._painter.snapshot()

    def events_after(
        self, cursor: int, kinds: Collection[str], most: int = 500
    ) -> tuple[int, tuple[Event, ...]]:
        """Return the newest events of some kinds since a cursor."""
        return self.session.events_after(cursor, kinds, most)
