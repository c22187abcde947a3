"""How late a loop is: the figure by which a generator at its limit is known."""

from __future__ import annotations

from rampdeck.lag import LagMeter


def turns(lag: LagMeter, count: int, seconds: float) -> None:
    """Let a loop turn, each turn taking so long; it looks when its sleep is over, at the next turn."""
    now = wake = 100.0
    for _ in range(count):
        if now >= wake:
            wake = now + lag.look(now)
        now += seconds


def test_a_loop_whose_turns_are_slow_does_not_seem_later_and_later() -> None:
    lag = LagMeter()
    turns(lag, 2000, 0.05)
    late = lag.take()
    assert late is not None
    assert late[0] <= late[1] < 60, "a turn takes 50 ms: so late is what is due in it, at most"


def test_a_block_weighs_as_it_would_for_whatever_else_was_due_in_it() -> None:
    lag = LagMeter()
    lag.look(100.0)
    lag.look(101.02)
    late = lag.take()
    assert late is not None
    assert round(late[1]) == 1000
    for look in range(50):
        lag.look(101.04 + look * 0.02)
    after = lag.take()
    assert after is not None
    assert after[0] > 900, "its looks stay in the ten seconds"
    assert after[1] < 1, "but not in the second"


def test_the_lag_of_a_second_is_its_own_and_the_p99_that_of_ten() -> None:
    lag = LagMeter()
    for late in [1.0] * 980 + [80.0] * 20:
        lag.note(late)
    assert lag.take() == (80, 80)
    assert lag.take() == (80, 0)
    for _ in range(490):
        lag.note(2.0)
    assert lag.take() == (80, 2)
    for _ in range(10):
        lag.note(-0.01)
    assert lag.take() == (2, 0)
