"""What the generator says of itself, against its limits."""

from __future__ import annotations

import pytest

from rampdeck.config import GeneratorLimits
from rampdeck.health import judge, judge_workers

LIMITS = GeneratorLimits()
STAMPED = {"delay_p95_ms": 3.0, "delay_percent": 10.0}


@pytest.mark.parametrize(
    ("values", "limit", "taints"),
    [
        ({"lag_p99_ms": 51.0}, "lag", True),
        ({"delay_p95_ms": 51.0, "delay_percent": 26.0}, "delay", False),
        ({"cpu_percent": 91.0}, "cpu", True),
        ({"cpu_percent": 91.0, **STAMPED}, "cpu", False),
        ({"cpu_percent": 91.0, "stamped": 1.0}, "cpu", False),  # too few requests to say what was added
        ({"cpu_percent": 91.0, "stamped": 0.0}, "cpu", True),
        ({"open_files": 91.0, "open_files_limit": 100.0, **STAMPED}, "files", True),
        ({"memory_percent": 96.0}, "memory", False),
        ({"littles_law": 74.0}, "littles_law", False),
    ],
)
def test_each_limit_is_found_by_itself(values: dict[str, float], limit: str, taints: bool) -> None:
    (excess,) = judge(values, LIMITS)
    assert (excess.limit, excess.taints) == (limit, taints)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lag_p99_ms": 50.0, "cpu_percent": 90.0, "memory_percent": 95.0, "littles_law": 75.0},
        {"open_files": 90.0, "open_files_limit": 100.0},
        {"delay_p95_ms": 60.0, "delay_percent": 3.0},  # nothing to a user who waits 2 s
        {"delay_p95_ms": 2.0, "delay_percent": 50.0},  # nothing to anybody
        {"lag_p99_ms": 400.0, **STAMPED},  # the wire clock does not mind
        {"littles_law": 140.0},  # users may have several requests under way at once
    ],
)
def test_at_its_limits_or_where_it_does_no_harm_nothing_is_said(values: dict[str, float]) -> None:
    assert judge(values, LIMITS) == ()


@pytest.mark.parametrize("unstamped", [0.0, 1.0])
def test_whoever_has_workers_is_not_advised_to_use_workers(unstamped: float) -> None:
    values = {"cpu_percent": 91.0, "lag_p99_ms": 51.0, "unstamped": unstamped}
    for excess in judge_workers(values, LIMITS):
        assert "--workers" not in excess.means
    assert judge_workers(values, LIMITS)[-1].means.endswith("Use more workers, or other machines")
