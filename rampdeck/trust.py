"""Can this run be trusted?

A verdict needs data that was there and a generator that was not itself the
bottleneck. Each measured second is looked at; what was missing in more than a
tenth of them becomes a doubt, and a doubt turns PASS into INCONCLUSIVE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from rampdeck.model import Health
from rampdeck.session import Session, Source

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
        self._overloaded = 0.0
        self._short = 0.0

    def observe(self, session: Session, seconds: float) -> None:
        """Look at the ``seconds`` since the last look; call it once a second."""
        if session.step is None or session.step.phase != "measure":
            return
        self.measured += seconds
        if session.user_count < ENOUGH_USERS * session.step.users:
            self._short += seconds
        overloaded = seconds > LATE
        for source in session.sources.values():
            if source.health in (Health.BLIND, Health.CONNECTING):
                self._blind[source.info.name] += seconds
            if source.info.kind == "generator" and source.health is Health.WARNING:
                overloaded = True
        if overloaded:
            self._overloaded += seconds

    def doubts(self, sources: Mapping[str, Source]) -> tuple[str, ...]:
        """Return what was missing, as sentences; it takes a PASS away, but not a FAIL."""
        found: list[str] = []
        if not self.measured:
            found.append("no load level was held long enough to be measured")
        for name, blind in self._blind.items():
            if blind > BLIND_SHARE * self.measured:
                why = sources[name].reason
                told = f"{name} was blind for {blind:.0f} of {self.measured:.0f} measured seconds"
                found.append(f"{told} ({why})" if why else told)
        if self._short > BLIND_SHARE * self.measured:
            seconds = f"{self._short:.0f} of {self.measured:.0f} measured seconds"
            found.append(f"users were missing in {seconds}: the scenario ended them, or they failed to start")
        return tuple(found)

    def tainted(self) -> tuple[str, ...]:
        """Return why the request figures themselves are not to be trusted, if so."""
        if self._overloaded <= BLIND_SHARE * self.measured:
            return ()
        seconds = f"{self._overloaded:.0f} of {self.measured:.0f} measured seconds"
        return (f"the generator was at its limit in {seconds}: response times hold its own queue",)
