"""How often something that failed is tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rampdeck.backoff import FIRST, LAST, STEADY, Backoff


@pytest.fixture
def pass_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stand still; returns what moves the clock on."""
    now = [1000.0]
    monkeypatch.setattr("rampdeck.backoff.time.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def outage(backoff: Backoff, pass_by: Callable[[float], None], seconds: float) -> list[tuple[float, float]]:
    """Fail until an outage is over; returns when each try was, and how long was waited after it."""
    tries: list[tuple[float, float]] = []
    at = 0.0
    while at < seconds:
        pause = backoff.failed()
        tries.append((at, pause))
        pass_by(pause)
        at += pause
    return tries


def test_tries_come_less_and_less_often_from_one_to_thirty_seconds(
    pass_by: Callable[[float], None],
) -> None:
    pauses = [pause for _, pause in outage(Backoff(), pass_by, 600.0)]
    assert 0.8 * FIRST <= pauses[0] <= FIRST
    assert 0.8 * LAST <= pauses[-1] <= LAST
    assert max(pauses) <= LAST
    assert len(pauses) < 50


@pytest.mark.parametrize("seconds", [10.0, 20.0, 30.0, 35.0])
def test_the_end_of_an_outage_of_half_a_minute_is_seen_within_ten_seconds(
    pass_by: Callable[[float], None], seconds: float
) -> None:
    at, pause = outage(Backoff(), pass_by, seconds)[-1]
    assert at + pause - seconds < 10.0


def test_two_that_failed_together_do_not_come_again_together() -> None:
    assert len({Backoff().failed() for _ in range(20)}) > 10


def test_what_has_gone_well_for_a_while_is_tried_soon_again(pass_by: Callable[[float], None]) -> None:
    backoff = Backoff()
    outage(backoff, pass_by, 300.0)
    backoff.went_well(STEADY / 2)
    assert backoff.failed() > FIRST
    backoff.went_well(STEADY)
    assert backoff.failed() <= FIRST
