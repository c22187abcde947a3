"""What older session files do not say, worked out from what they do.

Up to format 2 it is not in them when the session was looked at, and how the
run ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rampdeck.config import Config
from rampdeck.levels.knee import Target
from rampdeck.model import Event, EventKind, Instant, RequestBatch, Severity, SourceInfo, Step, Tick
from rampdeck.record.outcome import Outcome
from rampdeck.store.schema import Item

BEAT = 0.9
"""Seconds after a tick from which on requests came with the next one; those of a new step come between."""
_STOPS = ("stop", "stop at once", "quit")
_PLANNED = ("-u", "--users", "-t", "--run-time", "--auto-step")
"""Options that give a load an end of its own."""


class Ending:
    """Reads the items of an older file, and then tells how its run came out."""

    def __init__(self) -> None:
        self._found = Outcome()
        self._level = 0

    @staticmethod
    def warning(version: int) -> str:
        """Return what is to be said of it."""
        return (
            f"the session file is of format {version}: when it was judged and how the run ended are worked "
            "out from its items; what the scenario raised is not in it"
        )

    def ticked(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items and a tick where there must have been one: with the requests of each second."""
        looked, users, at = float("-inf"), 0, None
        for item in items:
            yield item
            self._take(item)
            if isinstance(item, RequestBatch):
                users = item.users
                if item.at.mono - looked >= BEAT:
                    looked = item.at.mono
                    yield Tick(item.at, users)
            if not isinstance(item, Step | SourceInfo):
                at = item.at
        if at is not None:
            yield Tick(at, users)  # a run has a last look at the end

    def outcome(self, settings: Config, arguments: Sequence[str], closed: Instant | None) -> Outcome:
        """Return how the run came out; to be called after its items."""
        planned = settings.stages or any(argument.startswith(_PLANNED) for argument in arguments)
        peak = max((stage.users for stage in settings.stages if not stage.warmup), default=0)
        target = Target(peak, "the plan's peak") if peak else None
        if settings.load.target_users:
            target = Target(settings.load.target_users, "the target")
        return replace(
            self._found,
            planned=bool(planned),
            target=target,
            closed=closed,
        )

    def _take(self, item: Item) -> None:
        if isinstance(item, Step) and item.number > self._level:
            self._level = item.number
            if self._found.ended and not self._found.broken:
                self._found = Outcome()  # the load has begun again
        elif isinstance(item, Event) and item.kind is EventKind.LOAD and item.source == "engine":
            if item.severity is Severity.CRITICAL:
                self._found = replace(self._found, ended="scenario", broken=self._found.broken or item.text)
            elif "step" not in item.fields and ("over" in item.text or "ended the load" in item.text):
                self._found = replace(self._found, ended=self._found.ended or "plan")
        elif isinstance(item, Event) and item.kind is EventKind.KEY and item.text in _STOPS:
            self._found = replace(self._found, ended=self._found.ended or "operator")
