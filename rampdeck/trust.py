"""Can this run be trusted?

A verdict needs data that was there and a generator that was not itself the
bottleneck. Each measured second is looked at once; what was missing in more
than a tenth of them becomes a doubt, and a doubt turns PASS into INCONCLUSIVE.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rampdeck.model import Health
from rampdeck.session import Session, Source

BLIND_SHARE = 0.10
"""Share of the measured seconds that a source may be blind before it is a doubt."""
LAG_LIMIT_MS = 50.0
"""Loop lag (p99 of a second) beyond which response times hold the generator's own queue."""
CPU_LIMIT = 90.0
"""Per cent of one core beyond which Locust itself warns that its numbers may be wrong."""


def overload(values: Mapping[str, float]) -> str:
    """Say how a sample of the generator is beyond its limits; empty when it is not."""
    lag, cpu = values.get("lag_p99_ms", 0.0), values.get("cpu_percent", 0.0)
    if cpu > CPU_LIMIT:
        return f"this process uses {cpu:.0f} % of one core (limit {CPU_LIMIT:.0f} %)"
    if lag > LAG_LIMIT_MS:
        return f"the loop is {lag:.0f} ms late (limit {LAG_LIMIT_MS:.0f} ms)"
    return ""


class Trust:
    """Counts the measured seconds, and those in which something was amiss."""

    def __init__(self) -> None:
        self.measured = 0
        self._blind: Counter[str] = Counter()
        self._overloaded = 0

    def observe(self, session: Session) -> None:
        """Look at one second; call it once a second."""
        if session.step is None or session.step.phase != "measure":
            return
        self.measured += 1
        for source in session.sources.values():
            if source.health in (Health.BLIND, Health.CONNECTING):
                self._blind[source.info.name] += 1
            if source.info.kind == "generator" and source.last and overload(source.last.values):
                self._overloaded += 1

    def doubts(self, sources: Mapping[str, Source]) -> tuple[str, ...]:
        """Return the reasons not to trust the run, as sentences."""
        found: list[str] = []
        if not self.measured:
            found.append("no load level was held long enough to be measured")
        for name, seconds in self._blind.items():
            if seconds > BLIND_SHARE * self.measured:
                why = sources[name].reason
                found.append(
                    f"{name} was blind for {seconds} of {self.measured} measured seconds"
                    + (f" ({why})" if why else "")
                )
        if self._overloaded > BLIND_SHARE * max(1, self.measured):
            found.append(
                f"the generator was at its limit in {self._overloaded} of {self.measured} measured seconds"
            )
        return tuple(found)
