"""Whether a run can be trusted: what was missing while it was measured."""

from __future__ import annotations

from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Severity, SourceInfo, Step
from rampdeck.session import Session
from rampdeck.trust import Trust

NOW = Instant(1_000_000.0, 10.0)


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

    def turn(self, kind: str, health: Health, why: str = "") -> None:
        fields = {"health": health.value}
        self.session.append(
            Event(NOW, f"{kind}@local", EventKind.HEALTH, Severity.NOTICE, why, fields=fields)
        )

    def users(self, count: int) -> None:
        self.session.append(RequestBatch(NOW, 1.0, count, ()))

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.trust.observe(self.session, 1.0)

    @property
    def doubts(self) -> list[str]:
        return list(self.trust.doubts())


def test_a_run_that_was_seen_all_the_time_is_trusted() -> None:
    run = Watched()
    run.seconds(30)
    assert (run.doubts, run.trust.tainted()) == ([], ())


def test_a_run_that_never_settled_is_not() -> None:
    run = Watched()
    run.session.append(Step(2, 20, 5.0, "key", NOW))
    run.seconds(30)
    assert run.doubts == ["no load level was held long enough to be measured"]


def test_a_source_that_was_blind_for_more_than_a_tenth_is_a_doubt_with_its_reason() -> None:
    run = Watched()
    run.seconds(27)
    run.turn("postgres", Health.BLIND, "connection refused")
    run.seconds(3)
    assert run.doubts == []
    run.seconds(1)
    assert run.doubts == ["postgres@local was blind for 4 of 31 measured seconds: connection refused"]


def test_a_source_that_is_left_out_on_purpose_is_no_doubt() -> None:
    run = Watched()
    run.turn("postgres", Health.ABSENT, "not here")
    run.seconds(10)
    assert run.doubts == []


def test_a_generator_at_its_limit_taints_the_figures() -> None:
    run = Watched()
    run.turn("generator", Health.WARNING, "lag")
    run.seconds(5)
    assert run.trust.tainted() == (
        "the generator was at its limit in 5 of 5 measured seconds: response times hold its own queue",
    )


def test_seconds_in_which_the_whole_program_was_stuck_count_in_full() -> None:
    run = Watched()
    run.seconds(20)
    run.trust.observe(run.session, 8.0)
    assert "in 8 of 28 measured seconds" in run.trust.tainted()[0]


def test_a_level_whose_users_have_gone_is_not_the_level_that_was_asked_for() -> None:
    run = Watched()
    run.users(9)
    run.seconds(10)
    assert run.doubts == []
    run.users(3)
    run.seconds(2)
    assert run.doubts[0].startswith("users were missing in 2 of 12 measured seconds")


class Measuring:
    """A session that is measuring, with three sources of one host."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        for kind in ("postgres", "redis", "nginx"):
            self.session.append(SourceInfo(f"{kind}@db-1", kind, "db-1"))
            self.turn(kind, Health.LIVE)
        self.session.append(Step(1, 20, 5.0, "plan", NOW, reached=NOW, measured_from=NOW))
        self.session.append(RequestBatch(NOW, 1.0, 20, ()))
        self.trust = Trust()

    def turn(self, kind: str, health: Health, reason: str = "") -> None:
        fields = {"health": health.value}
        self.session.append(
            Event(NOW, f"{kind}@db-1", EventKind.HEALTH, Severity.NOTICE, reason, fields=fields)
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
