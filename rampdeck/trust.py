"""Can this run be trusted?

A verdict needs data that was there and a generator that was not itself the
bottleneck. Each measured second is looked at; what was missing in more than a
tenth of them becomes a doubt, and a doubt turns PASS into INCONCLUSIVE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rampdeck.arrivals import shortfall
from rampdeck.model import Health
from rampdeck.session import Session

BLIND_SHARE = 0.10
"""Share of the measured seconds that a source may be blind before it is a doubt."""
ENOUGH_USERS = 0.9
"""Share of a level's users below which it is not that level."""
LATE = 2.0
"""Seconds between two looks from which on the generator itself was stuck: they should be one apart."""


class Trust:
    """Counts the measured seconds, and those in which something was amiss."""

    def __init__(self) -> None:
        self.measured = 0.0
        self._blind: defaultdict[str, float] = defaultdict(float)
        self._why: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._overloaded = 0.0
        self._short = 0.0
        self._missed: dict[int, str] = {}
        self._workers_lost = 0
        self._without: dict[int, None] = {}

    def observe(self, session: Session, seconds: float) -> None:
        """Look at the ``seconds`` since the last look; call it once a second."""
        self._look_for_workers(session)
        if session.step is None or session.step.phase != "measure":
            return
        self.measured += seconds
        if (span := session.book.steps.get(session.step.number)) is not None:
            self._missed[session.step.number] = shortfall(span.pace.view(span.seconds))
        if session.user_count < ENOUGH_USERS * session.step.users:
            self._short += seconds
        overloaded = seconds > LATE
        for source in session.sources.values():
            if source.health in (Health.BLIND, Health.CONNECTING):
                self._blind[source.info.name] += seconds
                why = self._why[source.info.name]
                why[source.reason] = why.get(source.reason, 0.0) + seconds
            if source.info.kind in ("generator", "workers") and source.health is Health.WARNING:
                overloaded = True
        if overloaded:
            self._overloaded += seconds

    def doubts(self) -> tuple[str, ...]:
        """Return what was missing, as sentences; it takes a PASS away, but not a FAIL.

        Sources that were blind for the same reason, such as their host, share a sentence.
        """
        found: list[str] = []
        if not self.measured:
            found.append("no load level was held long enough to be measured")
        found += self._blindness()
        if self._short > BLIND_SHARE * self.measured:
            seconds = f"{self._short:.0f} of {self.measured:.0f} measured seconds"
            found.append(f"users were missing in {seconds}: the scenario ended them, or they failed to start")
        found += (f"step {number}: {why}" for number, why in self._missed.items() if why)
        found += (
            f"step {number}: a worker was lost, with what it had not told yet" for number in self._without
        )
        return tuple(found)

    def _look_for_workers(self, session: Session) -> None:
        """Mark the step in which a worker was lost, or a report of one."""
        lost = sum(
            sum(source.signals.values())
            for source in session.sources.values()
            if source.info.kind == "workers"
        )
        if lost > self._workers_lost and session.step is not None:
            self._without[session.step.number] = None
        self._workers_lost = lost

    def _blindness(self) -> Iterator[str]:
        together: defaultdict[str, list[str]] = defaultdict(list)
        for name, blind in self._blind.items():
            if blind > BLIND_SHARE * self.measured:
                reasons = self._why[name]
                together[max(reasons, key=lambda why: reasons[why])].append(name)
        for why, names in together.items():
            longest = max(self._blind[name] for name in names)
            seconds = f"{'up to ' if len(names) > 1 else ''}{longest:.0f} of {self.measured:.0f}"
            mostly = ", mostly" if any(len(self._why[name]) > 1 for name in names) else ""
            reason = f"{mostly}: {why}" if why else ""
            yield f"{_listed(names)} blind for {seconds} measured seconds{reason}"

    def tainted(self) -> tuple[str, ...]:
        """Return why the request figures themselves are not to be trusted, if so."""
        if self._overloaded <= BLIND_SHARE * self.measured:
            return ()
        seconds = f"{self._overloaded:.0f} of {self.measured:.0f} measured seconds"
        return (f"the generator was at its limit in {seconds}: response times hold its own queue",)


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} was"
    return f"{', '.join(names[:-1])} and {names[-1]} were"
