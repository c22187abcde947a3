"""What a front end may see and do: the one face of a running session.

The cockpit, the headless run and (with controls that do nothing) a replay all
stand on this. Every control returns at once: it only says what is wanted, and
the engine follows; presses add up and the latest target wins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rampdeck.config import LoadConfig
from rampdeck.details import Details
from rampdeck.guard.production import Production
from rampdeck.model import Event, Value
from rampdeck.remote.asking import Questions
from rampdeck.snapshot import Snapshot, Verdict
from rampdeck.view import Action, Metric, View

if TYPE_CHECKING:
    from rampdeck.preflight.inspection import PreflightView


@dataclass(frozen=True, slots=True)
class UserClass:
    """A user class of the scenario: Locust's ``weight`` or ``fixed_count``, and whether it is chosen."""

    name: str
    weight: int
    fixed_count: int
    chosen: bool


class Deck(Protocol):
    """A session that can be watched and steered."""

    @property
    def views(self) -> Mapping[str, View]:
        """The pane of each kind of source, by kind."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What the sources measure, by full name (``postgres.connections``); tells the unit of a figure."""

    @property
    def limits(self) -> LoadConfig:
        """The step of ``+`` and ``-``, and the users above which to ask."""

    def snapshot(self) -> Snapshot:
        """Return the picture of this moment; cheap to ask for again within a second."""

    def events_after(
        self, cursor: int, kinds: Collection[str], most: int = 500
    ) -> tuple[int, tuple[Event, ...]]:
        """Return the newest events since ``cursor`` and the cursor to ask with next time.

        ``kinds`` are kinds of sources (``gunicorn``) plus ``grave``, ``scenario``,
        ``operator`` and ``engine``. At most ``most`` come, the newest; a
        cursor of 0 asks for all that is kept.
        """

    @property
    def details(self) -> Details:
        """What stands behind a row: a load level or a request name with every percentile."""

    @property
    def unconfirmed(self) -> Production | None:
        """That the load would go to production, until that is confirmed; before, no control starts it."""

    def confirm_production(self, typed: str, name: str) -> bool:
        """Take the host's name that ``name`` typed; return whether it is right."""

    def change_target(self, by: int) -> None:
        """Add users to the target, or take some; leaves the plan."""

    def set_target(self, users: int) -> None:
        """Ask for this many users; leaves the plan. Starts the load if it is not running."""

    def toggle_hold(self) -> None:
        """Hold a running plan at the present level, or go on with it."""

    def return_to_plan(self) -> None:
        """Start the plan, or take it up again after it was left, at the stage where it was left."""

    def auto_step(self) -> None:
        """Raise the load by steps while the gate holds, or go on with that where it was left."""

    def stop(self) -> None:
        """Stop the load gracefully: requests in flight may end."""

    def abort(self) -> None:
        """Stop the load at once."""

    @property
    def questions(self) -> Questions:
        """What hosts and key files want to know from the operator; a replay never has any."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The hosts that are not tried, because nobody answered or no answer was right."""

    def log_in(self, host: str) -> None:
        """Try such a host again; its questions come anew."""

    @property
    def user_classes(self) -> tuple[UserClass, ...]:
        """All user classes of the scenario."""

    def choose_classes(self, names: Collection[str]) -> None:
        """Take these user classes, and no others, from the next start of the load on."""

    @property
    def preflight(self) -> PreflightView | None:
        """What the preflight knows by now; ``None`` where nobody wanted one, and in a replay."""

    @property
    def held_back(self) -> str:
        """Why the preflight does not let the load begin, in words; empty where it does.

        While it says something, a control that would start the load only notes that, on the timeline.
        """

    def check_again(self, names: Collection[str] | None = None) -> None:
        """Look at these checks again, or at all; one that is being looked at waits for its turn."""

    def go_on_anyway(self) -> None:
        """Let the load begin in spite of what :attr:`held_back` says; it is noted.

        What fails only later holds it back again.
        """

    def mark(self, text: str) -> None:
        """Put a note on the timeline."""

    def decide(self, verdict: Verdict, name: str, note: str) -> None:
        """Note what a person decided; the last time counts, and the computed verdict is kept beside it."""

    async def act(self, source: str, action: Action, row: Mapping[str, Value]) -> str:
        """Do something with a row of a source's table, and return what came of it, as lines.

        Raises :class:`RampdeckError` when it cannot be done.
        """

    async def save_record(self) -> Path:
        """Write the decision record as of now and return its Markdown file."""
