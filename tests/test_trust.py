"""Can this run be trusted? Said so that one knows where to look."""

from __future__ import annotations

from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Severity, SourceInfo, Step
from rampdeck.session import Session
from rampdeck.trust import Trust

AT = Instant(1_800_000_000.0, 0.0)


class Measuring:
    """A session that is measuring, with three sources of one host."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        for kind in ("postgres", "redis", "nginx"):
            self.session.append(SourceInfo(f"{kind}@db-1", kind, "db-1"))
            self.turn(kind, Health.LIVE)
        self.session.append(Step(1, 20, 5.0, "plan", AT, reached=AT, measured_from=AT))
        self.session.append(RequestBatch(AT, 1.0, 20, ()))
        self.trust = Trust()

    def turn(self, kind: str, health: Health, reason: str = "") -> None:
        fields = {"health": health.value}
        self.session.append(
            Event(AT, f"{kind}@db-1", EventKind.HEALTH, Severity.NOTICE, reason, fields=fields)
        )

    def seconds(self, number: int) -> None:
        for _ in range(number):
            self.trust.observe(self.session, 1.0)


def test_a_source_that_was_blind_is_named_with_the_reason_it_had_then() -> None:
    run = Measuring()
    run.turn("postgres", Health.BLIND, "the server is shutting down")
    run.seconds(8)
    run.turn("postgres", Health.LIVE)
    run.seconds(30)
    run.turn("postgres", Health.BLIND, "db-1 cannot be reached")
    run.seconds(2)
    (doubt,) = run.trust.doubts()
    assert (
        doubt == "postgres@db-1 was blind for 10 of 40 measured seconds, mostly: the server is shutting down"
    )


def test_sources_that_lost_their_host_together_are_one_doubt() -> None:
    run = Measuring()
    run.turn("redis", Health.BLIND, "db-1 cannot be reached")
    run.seconds(1)
    for kind in ("postgres", "nginx"):
        run.turn(kind, Health.BLIND, "db-1 cannot be reached")
    run.seconds(3)
    (doubt,) = run.trust.doubts()
    assert doubt == (
        "redis@db-1, postgres@db-1 and nginx@db-1 were blind for up to 4 of 4 measured seconds: "
        "db-1 cannot be reached"
    )


def test_a_moment_without_a_source_is_no_doubt() -> None:
    run = Measuring()
    run.turn("redis", Health.BLIND, "refused")
    run.seconds(1)
    run.turn("redis", Health.LIVE)
    run.seconds(9)
    assert run.trust.doubts() == ()
