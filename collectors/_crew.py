"""What it takes more than one line to know: why a worker ended, and why one began.

A SIGKILL of a worker that had just been found silent is the timeout's, another
one mostly is the kernel's for want of memory. A worker that boots in a start, a
reload or in turn (``max_requests``) was planned; any other takes the place of
one that was lost, even where nothing said so (Gunicorn 20.0 tells of no kill).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeVar

AFTER = 30.0
"""Seconds in which what follows a timeout is its consequence; no system gives a pid again so soon."""
TWICE = 1.0
"""Seconds in which a worker's exit code is the same one, printed again; containers share pids."""
GRACE = 5.0
"""Seconds after a start, a reload or a signal in which workers boot because of it."""
MOST = 4_096
"""Workers that are remembered of each sort: a crash loop has no end."""

_BEGINS = {
    "starting": "start",
    "stopping": "start",
    "reloading": "reload",
    "config_changed": "config_changed",
}
_LOST = {"worker_timeout", "worker_killed", "worker_crashed", "worker_exited", "worker_died"}
_GONE = {*_LOST - {"worker_timeout"}, "out_of_memory", "exiting", "worker_stopped", "worker_signalled"}
_BUGS = (
    (
        (24, 0),
        (24, 1),
        "",
        "does not see at once when a worker has ended (“Unhandled signal: cld”); take 24.1",
    ),
    ((25, 1), (26, 1), "asgi", "leaks idle database connections under Django (gunicorn#3627); take 26.1"),
    ((25, 1), (26, 1), "", "leaks a file for each reload, by its control socket (gunicorn#3648); take 26.1"),
)

K = TypeVar("K")
V = TypeVar("V")


def known_bugs(version: str, worker_class: str) -> list[str]:
    """Return what is wrong in a version of Gunicorn that would look like the application's fault."""
    number = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    if number is None:
        return []
    here = (int(number[1]), int(number[2]))
    return [
        f"Gunicorn {version} {text}"
        for first, fixed, worker, text in _BUGS
        if first <= here < fixed and (not worker or worker_class == worker)
    ]


@dataclass(slots=True)
class Crew:
    """Follows the workers of one server through its signals.

    ``present`` are those at work, once the server's start was seen.
    """

    present: set[str] | None = None
    version: str = ""
    _timeouts: dict[str, float] = field(default_factory=dict)
    _lost: dict[str, tuple[str, float]] = field(default_factory=dict)
    _ended: dict[tuple[str, str], float] = field(default_factory=dict)
    _recycled: dict[str, float] = field(default_factory=dict)
    _booted: dict[str, None] | None = None
    _planned: str = "start"
    _planned_until: float = 0.0
    _begun: bool = False

    def see(self, signal: str, fields: dict[str, str], at: float) -> str:
        """Take in a signal of a moment; adds to its fields what is known, returns what it is by that.

        Empty where the same was said before of that worker (21 to 23 print an exit code twice).
        """
        if not self._begun:
            # What is said first may be a start that the log does not tell of (Uvicorn's).
            self._begun, self._planned_until = True, at + GRACE
        worker = fields.get("worker", "")
        if signal in _BEGINS:
            self._begin(signal, fields, at)
        elif signal in ("draining", "worker_stopped"):
            self._planned = self._planned if at <= self._planned_until else "restart"
            self._planned_until = at + GRACE
        elif signal == "booting":
            signal = self._boot(worker, fields, at)
        elif signal == "recycling":
            worker = fields.get("worker") or fields.get("pid", "")
            if self._again(signal, worker, at, AFTER):
                return ""
            _remember(self._recycled, worker, at)
        elif signal == "app_error":
            if self._timed_out(fields.get("pid", ""), at) and fields.get("exception") == "SystemExit":
                fields["because"] = "worker_timeout"
                signal = "request_timed_out"
        elif signal in _LOST:
            signal = self._lose(signal, worker, fields, at)
        if self.present is not None and signal in _GONE:
            self.present.discard(worker)
        return signal

    def _begin(self, signal: str, fields: dict[str, str], at: float) -> None:
        self._planned, self._planned_until = _BEGINS[signal], at + GRACE
        if signal in ("starting", "stopping"):
            self.present = set()
            self._lost.clear()
            self._booted = {}
            self.version = fields.get("version", "")

    def _boot(self, worker: str, fields: dict[str, str], at: float) -> str:
        if self.present is not None:
            self.present.add(worker)
        if self._booted is not None:
            _remember(self._booted, worker, None)
        while self._lost:
            lost, (why, when) = next(iter(self._lost.items()))
            del self._lost[lost]
            if at - when <= AFTER:
                fields["because"], fields["lost"] = why, lost
                if self.present is not None:
                    self.present.discard(lost)
                return "worker_restarted"
        if self._recycled:
            fields["because"] = "recycling"
            del self._recycled[next(iter(self._recycled))]
        elif at <= self._planned_until:
            fields["because"] = self._planned
        else:
            fields["because"] = "unknown"
            return "worker_restarted"
        return "booting"

    def _lose(self, signal: str, worker: str, fields: dict[str, str], at: float) -> str:
        if signal == "worker_timeout":
            _remember(self._timeouts, worker, at)
        elif signal == "worker_exited" and self._again(signal, worker, at, TWICE):
            return ""
        elif self._timed_out(worker, at):
            fields["because"] = "worker_timeout"
        elif signal == "worker_killed":
            signal = "out_of_memory"
        elif signal == "worker_exited" and self._booted is not None and worker not in self._booted:
            return "stranger_exited"
        if worker not in self._lost:
            _remember(self._lost, worker, (signal, at))
        return signal

    def _timed_out(self, worker: str, at: float) -> bool:
        return abs(at - self._timeouts.get(worker, float("-inf"))) <= AFTER

    def _again(self, signal: str, worker: str, at: float, within: float) -> bool:
        before = self._ended.get((signal, worker))
        _remember(self._ended, (signal, worker), at)
        return before is not None and abs(at - before) <= within


def _remember(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= MOST:
        del known[next(iter(known))]
    known[key] = value
