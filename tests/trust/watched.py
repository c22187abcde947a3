"""A measured level, watched second by second."""

from __future__ import annotations

from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Sample, Severity, SourceInfo, Step
from rampdeck.session import Session
from rampdeck.trust import Trust

NOW = Instant(1_000_000.0, 10.0)
"""13:46:40 UTC."""


class Watched:
    """A session at a measured level of 10 users, watched second by second."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        self.trust = Trust()
        for kind in ("generator", "postgres"):
            self.session.append(SourceInfo(f"{kind}@local", kind, "local"))
            self.turn(kind, Health.LIVE)
        self.session.append(Step(1, 10, 5.0, "key", NOW, "", NOW, NOW))
        self.users(10)

    def turn(self, kind: str, health: Health, why: str = "", silent: float = 0.0) -> None:
        fields = {"health": health.value, "since": f"{NOW.utc - silent:.3f}"}
        self.session.append(
            Event(NOW, f"{kind}@local", EventKind.HEALTH, Severity.NOTICE, why, fields=fields)
        )

    def says(self, **values: float) -> None:
        """Let the generator say something of itself."""
        self.session.append(Sample(NOW, "generator@local", values))

    def users(self, count: int) -> None:
        self.session.append(RequestBatch(NOW, 1.0, count, ()))

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.trust.observe(self.session, 1.0)

    @property
    def doubts(self) -> list[str]:
        return list(self.trust.doubts())

    def live(self, source: str) -> None:
        self.session.append(
            Event(NOW, source, EventKind.HEALTH, Severity.NOTICE, "", fields={"health": "live"})
        )
