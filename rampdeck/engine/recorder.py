"""Counting requests: Locust's ``request`` event in, one batch a second out.

Runs inside the user's greenlet for every request, so it does as little as
possible: about a microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from locust.env import Environment

from rampdeck.histogram import Histogram
from rampdeck.model import RequestStats

MOST_NAMES = 500
"""Distinct request names that are told apart; the rest share one visible name."""
OTHER_NAMES = "(other names)"
MOST_ERRORS = 50
"""Distinct error texts of one name in one second; the rest share one."""
OTHER_ERRORS = "(other errors)"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


class _Tally:
    """The counts of one request name in this interval."""

    __slots__ = ("bytes", "errors", "failures", "successes")

    def __init__(self) -> None:
        self.successes = Histogram()
        self.failures = Histogram()
        self.bytes = 0
        self.errors: dict[str, int] = {}


class Recorder:
    """Counts every request of an environment, by method and name, successes apart from failures."""

    def __init__(self, environment: Environment) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._names: set[tuple[str, str]] = set()
        self.overflowed = False
        environment.events.request.add_listener(self._on_request)

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        exception: BaseException | str | None = None,
        **_: Any,
    ) -> None:
        key = (request_type, name)
        tally = self._tallies.get(key) or self._tally(key)
        if exception:
            tally.failures.record(response_time or 0.0)
            self._count_error(tally, exception)
        else:
            tally.successes.record(response_time or 0.0)
        if response_length:
            tally.bytes += response_length

    def _tally(self, key: tuple[str, str]) -> _Tally:
        """Return the tally of a name that is new in this interval."""
        if key not in self._names:
            if len(self._names) >= MOST_NAMES:
                self.overflowed = True
                key = (str(key[0]), OTHER_NAMES)
            self._names.add(key)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        return tally

    @staticmethod
    def _count_error(tally: _Tally, exception: BaseException | str) -> None:
        # The same error must read the same each time: objects without their address.
        text = _ADDRESS.sub("at 0x…", str(exception) or type(exception).__name__)[:500]
        if text not in tally.errors and len(tally.errors) >= MOST_ERRORS:
            text = OTHER_ERRORS
        tally.errors[text] = tally.errors.get(text, 0) + 1

    def take(self) -> tuple[RequestStats, ...]:
        """Return what was counted since the last call, and begin anew."""
        tallies: Mapping[tuple[str, str], _Tally]
        tallies, self._tallies = self._tallies, {}
        return tuple(
            RequestStats(str(method), str(name), tally.successes, tally.failures, tally.bytes, tally.errors)
            for (method, name), tally in tallies.items()
        )
