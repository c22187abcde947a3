"""Counting requests: Locust's ``request`` event in, one batch a second out.

Runs inside the user's greenlet for every request, so it does as little as
possible: one or two microseconds. What is judged is the wire time, where the
kernel has stamped the answer; Locust's own number is kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from locust.env import Environment

from rampdeck.engine import unreported, wire
from rampdeck.engine.pacing import Pacing
from rampdeck.model import OTHER_NAMES, RequestStats
from rampdeck.requests import Tally
from rampdeck.secrets import redact, redact_again

LONGEST = 1e9
"""Milliseconds from which on a response time is none: a client of the scenario may tell infinity."""
LARGEST = 1 << 40
"""Bytes from which on the size of an answer is none; a day of them still fits into the session file."""
MOST_NAMES = 500
"""Distinct request names that are told apart; the rest share one visible name."""
TOO_MANY_NAMES = (
    f"more than {MOST_NAMES} request names: the rest are counted as “{OTHER_NAMES}”. "
    'Give requests that are alike one name: client.get(url, name="/orders/[id]")'
)
MOST_TEXT = 500
"""Characters of a name or an error text that are told apart."""
MOST_ERRORS = 50
"""Distinct error texts of one name in one second; the rest share one."""
OTHER_ERRORS = "(other errors)"
MOST_SPELLED = 500
"""Distinct error texts of which Locust's spelling is kept."""
MOST_EXCEPTIONS = 50
"""Distinct exceptions of the scenario's own code; the rest share one text."""
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


class _Tally(Tally):
    """The counts of one request name in this interval, with what only the engine sees."""

    __slots__ = ("errors", "unreported", "unsent")

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.unreported = 0
        self.errors: dict[str, int] = {}


class Recorder:
    """Counts every request of an environment, by method and name, successes apart from failures.

    ``overflowed`` says that there were more names than :data:`MOST_NAMES`;
    ``exceptions`` counts what the scenario's own code raised, by text, over
    all loads of the session: Locust forgets them when a load starts anew.
    ``spelled`` has errors of requests by text as Locust writes them, with their class.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._names: set[tuple[str, str]] = set()
        self.pacing = Pacing(environment)
        self.overflowed = False
        self.exceptions: dict[str, int] = {}
        self.spelled: dict[str, str] = {}
        environment.events.request.add_listener(self._on_request)
        environment.events.user_error.add_listener(self._on_user_error)
        unreported.install()
        unreported.listeners.append(self._on_unreported)
        wire.killed.append(self._on_killed)

    def close(self) -> None:
        """Count no more kills; Locust's events go with their environment."""
        wire.killed.remove(self._on_killed)
        unreported.listeners.remove(self._on_unreported)

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        exception: BaseException | str | None = None,
        start_time: float | None = None,
        **_: Any,
    ) -> None:
        key = (request_type, name)
        judged = response_time = response_time or 0.0
        if not response_time < LONGEST:
            return
        tally = self._tallies.get(key) or self._tally(key)
        if wire.stamping():
            on_wire, exchanges = wire.take(start_time, response_time)
            tally.locust.record(response_time)
            if on_wire is not None:
                judged = on_wire
                tally.delay.record(response_time - on_wire)
            if exchanges > 1:
                tally.redirects += exchanges - 1
        if self.pacing.watching:
            self.pacing.record(tally.corrected, judged)
        if exception:
            tally.failures.record(judged)
            self._count_error(tally, exception)
        else:
            tally.successes.record(judged)
        if response_length and 0 < response_length < LARGEST:
            tally.bytes += int(response_length)

    def _tally(self, key: tuple[str, str]) -> _Tally:
        """Return the tally of a name that is new in this interval."""
        key = (redact_again(str(key[0]))[:MOST_TEXT], redact_again(str(key[1])[: 2 * MOST_TEXT])[:MOST_TEXT])
        if key not in self._names:
            if len(self._names) >= MOST_NAMES:
                self.overflowed = True
                key = ("", OTHER_NAMES)
            else:
                self._names.add(key)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        return tally

    def _count_error(self, tally: _Tally, exception: BaseException | str) -> None:
        text = count_text(tally.errors, str(exception) or type(exception).__name__, MOST_ERRORS)
        if text not in self.spelled and len(self.spelled) < MOST_SPELLED and not isinstance(exception, str):
            self.spelled[text] = redact(_ADDRESS.sub("at 0x....", repr(exception)[: 2 * MOST_TEXT]))

    def _on_killed(self, user: Any, method: str, name: str, exchanges: int) -> None:
        if user is not None and user.environment is self._environment:
            tally = self._tallies.get((method, name)) or self._tally((method, name))
            tally.killed += 1
            tally.unsent += not exchanges
            tally.redirects += max(0, exchanges - 1)

    def _on_unreported(self, event: Any, request: Mapping[str, Any], kill: bool) -> None:
        if event is not self._environment.events.request:
            return
        key = (request["request_type"], request["name"])
        tally = self._tallies.get(key) or self._tally(key)
        if wire.stamping():
            exchanges = wire.take(request["start_time"], request["response_time"])[1]
            tally.redirects += max(0, exchanges - 1)
        if kill:
            tally.killed += 1
        else:
            tally.unreported += 1

    def _on_user_error(self, exception: BaseException, **_: Any) -> None:
        count_text(self.exceptions, f"{type(exception).__name__}: {exception}", MOST_EXCEPTIONS)

    def take(self) -> tuple[RequestStats, ...]:
        """Return what was counted since the last call, and begin anew."""
        tallies: Mapping[tuple[str, str], _Tally]
        tallies, self._tallies = self._tallies, {}
        return tuple(
            RequestStats(
                method,
                name,
                tally.successes,
                tally.failures,
                tally.bytes,
                tally.errors,
                tally.locust,
                tally.delay,
                tally.corrected,
                tally.redirects,
                tally.killed,
                tally.unsent,
                tally.unreported,
            )
            for (method, name), tally in tallies.items()
        )


def count_text(errors: dict[str, int], text: str, most: int, times: int = 1) -> str:
    """Count an error by its text, shortened; returns what it is counted as, beyond ``most`` that of the rest.

    The same error must read the same each time: objects without their address, and no
    secret of a user's own.
    """
    text = redact_again(_ADDRESS.sub("at 0x…", text[: 2 * MOST_TEXT]))[:MOST_TEXT]
    if text not in errors and len(errors) >= most:
        text = OTHER_ERRORS
    errors[text] = errors.get(text, 0) + times
    return text
