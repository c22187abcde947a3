"""Can this run be trusted?

A verdict needs data that was there and a generator that was not itself the
bottleneck. Each measured second is looked at once; what was missing in more
than a tenth of them becomes a doubt, and a doubt turns PASS into INCONCLUSIVE.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rampdeck.model import Health
from rampdeck.session import Session

BLIND_SHARE = 0.10
"""Share of the measured seconds that a source may be blind before it is a doubt."""


class Trust:
    """Counts the measured seconds, and those in which something was amiss."""

    def __init__(self) -> None:
        self.measured = 0
        self._blind: Counter[str] = Counter()
        self._why: dict[str, Counter[str]] = defaultdict(Counter)
        self._overloaded = 0

    def observe(self, session: Session) -> None:
        """Look at one second; call it once a second."""
        if session.step is None or session.step.phase != "measure":
            return
        self.measured += 1
        for source in session.sources.values():
            if source.health in (Health.BLIND, Health.CONNECTING):
                self._blind[source.info.name] += 1
                self._why[source.info.name][source.reason] += 1
            if source.info.kind == "generator" and source.health is Health.WARNING:
                self._overloaded += 1

    def doubts(self) -> tuple[str, ...]:
        """Return what was missing, as sentences; it takes a PASS away, but not a FAIL.

        Sources that were blind for the same reason, such as their host, share a sentence.
        """
        found: list[str] = []
        if not self.measured:
            found.append("no load level was held long enough to be measured")
        together: dict[str, list[str]] = defaultdict(list)
        for name, seconds in self._blind.items():
            if seconds > BLIND_SHARE * self.measured:
                ((why, _),) = self._why[name].most_common(1)
                together[why].append(name)
        for why, names in together.items():
            told = f"{_listed(names)} blind for {self._seconds(names)} of {self.measured} measured seconds"
            others = any(len(self._why[name]) > 1 for name in names)
            found.append(told + (f"{', mostly' if others else ''}: {why}" if why else ""))
        return tuple(found)

    def _seconds(self, names: Sequence[str]) -> str:
        longest = max(self._blind[name] for name in names)
        return f"up to {longest}" if len(names) > 1 else str(longest)

    def tainted(self) -> tuple[str, ...]:
        """Return why the request figures themselves are not to be trusted, if so."""
        if self._overloaded <= BLIND_SHARE * self.measured:
            return ()
        seconds = f"{self._overloaded} of {self.measured} measured seconds"
        return (f"the generator was at its limit in {seconds}: response times hold its own queue",)


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} was"
    return f"{', '.join(names[:-1])} and {names[-1]} were"
