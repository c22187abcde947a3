"""What is taken from Locust's own statistics: which percentiles to report, and what the scenario raised.

Figures never come from here: Locust rounds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from locust import stats
from locust.env import Environment

MOST = 200
"""Distinct tracebacks that are kept of earlier loads."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What the scenario's own code raised at one place: how often, and on which nodes."""

    count: int
    message: str
    traceback: str
    nodes: tuple[str, ...]


def percentiles() -> tuple[float, ...]:
    """Return the percentiles (0 to 100) to report; a locustfile may set ``PERCENTILES_TO_REPORT``."""
    return tuple(round(share * 100, 6) for share in stats.PERCENTILES_TO_REPORT)


class Exceptions:
    """What the scenario raised in all loads of a session.

    Locust begins with an empty table when a load starts anew; the table before
    is then no longer touched, so it is enough to look now and then.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._earlier: dict[tuple[str, str], Raised] = {}
        self._table: Mapping[int, Any] = {}

    def rows(self) -> tuple[Raised, ...]:
        """Return everything that was raised, the most frequent first."""
        runner = self._environment.runner
        table: Mapping[int, Any] = runner.exceptions if runner is not None else {}
        if table is not self._table:
            self._earlier = dict(list(_joined(self._earlier, self._table.values()).items())[:MOST])
            self._table = table
        raised = _joined(self._earlier, table.values())
        return tuple(sorted(raised.values(), key=lambda row: -row.count))


def _joined(
    earlier: Mapping[tuple[str, str], Raised], rows: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, str], Raised]:
    joined = dict(earlier)
    for row in rows:
        key = (str(row["msg"]), str(row["traceback"]))
        before = joined.get(key)
        nodes = {*row["nodes"], *(before.nodes if before else ())}
        count = int(row["count"]) + (before.count if before else 0)
        joined[key] = Raised(count, *key, tuple(sorted(map(str, nodes))))
    return joined
