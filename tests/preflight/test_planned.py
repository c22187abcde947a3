"""How much the plan asks of the servers."""

from __future__ import annotations

import pytest

from rampdeck.preflight.planned import planned_rate

from .looking import of


@pytest.mark.parametrize(
    ("thresholds", "rate"),
    [
        (["rps >= 40", "p95 < 800ms"], 40),
        (["rps > 40", "rps >= 60 at peak"], 60),
        (["rps < 40"], 70),
        (["rps{name=/checkout/} >= 5"], 70),
        (["gunicorn.worker_timeout == 0", "no threshold"], 70),
        ([], 70),
    ],
)
def test_what_the_gate_demands_or_else_a_request_a_second_of_each_user(
    thresholds: list[str], rate: float
) -> None:
    assert planned_rate(of({}, peak=70, gate={"thresholds": thresholds})).value == rate
