"""The load in workers: the cockpit's master, driven, and what the workers counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from locust.env import Environment

from rampdeck import __version__
from rampdeck.engine.driver import Order
from rampdeck.engine.master import CockpitMaster
from rampdeck.engine.recorder import Recorder
from rampdeck.engine.reports import (
    ASK,
    FORMAT,
    KEY,
    Merged,
    PaceSum,
    Report,
    of_locust,
    pack_pace,
    unpack,
    unpack_stall,
)
from rampdeck.engine.roll import IDLE, MISSED, Roll, Worker
from rampdeck.engine.stall import Stall
from rampdeck.guard import refusals
from rampdeck.guard.refusals import Refusal
from rampdeck.model import Pace, RequestStats

ASK_AFTER = 0.85
"""Seconds after the figures were taken when the workers are asked for the next, to be there in time."""
CATCH_UP = 0.3
"""Seconds that the workers get to tell the last figures of a level before the next one begins."""
FAREWELL = 1.5
"""Seconds that the workers get to leave at the end."""


class MasterDriver:
    """Users in workers; their figures are put together here.

    What the locustfile itself reports in this process is counted as well, as
    Locust does. Nothing is counted twice: reports of ours are numbered.
    """

    def __init__(self, environment: Environment) -> None:
        self.runner: Any = environment.runner
        assert isinstance(self.runner, CockpitMaster)
        self.recorder = Recorder(environment)
        self._pace = PaceSum()
        self._spelled = self.recorder.spelled
        self._merged = Merged()
        self._asking: Any = None
        self._catching_up: Any = None
        self._stalls: list[tuple[str, Stall]] = []
        self._refusals: list[tuple[str, list[Refusal]]] = []
        environment.events.worker_report.add_listener(self._on_report)
        environment.events.quitting.add_listener(self._on_quitting)

    @property
    def roll(self) -> Roll:
        """The workers."""
        roll: Roll = self.runner.roll
        return roll

    @property
    def port(self) -> int:
        """The port that workers join at."""
        return int(self.runner.server.port)

    @property
    def owed(self) -> bool:
        """Whether a load waits for the first worker."""
        return self.runner.owed is not None

    @property
    def failure(self) -> str:
        """Return what a worker cannot do, or that there is none left."""
        for worker in self.roll:
            if worker.trouble:
                return f"worker {worker.name}: {worker.trouble}"
        if self.runner.deserted:
            return "no worker is left to make the load"
        return str(self.runner.stuck)

    @property
    def overflowed(self) -> bool:
        """Whether there were more request names than are told apart, in a worker or over all of them."""
        here = self._merged.overflowed or self.recorder.overflowed
        return here or any(worker.overflowed for worker in self.roll)

    @property
    def exceptions(self) -> Mapping[str, int]:
        """How often the scenario's own code raised, in all workers."""
        total = Counter(self.recorder.exceptions)
        for worker in self.roll:
            total.update(worker.exceptions)
        return total

    @property
    def spelled(self) -> Mapping[str, str]:
        """Errors of requests as Locust writes them, by text, as our workers have met them."""
        return self._spelled

    def take(self) -> tuple[RequestStats, ...]:
        """Return what has been reported since the last call, and ask for the next in time."""
        if self._asking is None or self._asking.ready():
            self._asking = gevent.spawn_later(ASK_AFTER, self.runner.tell_ours, ASK)
        for stats in self.recorder.take():
            self._merged.add(stats)
        return self._merged.take()

    def take_pace(self, seconds: float) -> Pace | None:
        """Return what users with a known pace did since the last call, ``seconds`` ago."""
        self._pace.add(pack_pace(self.recorder.pacing.take(seconds)))
        return self._pace.take()

    def take_stalls(self) -> list[tuple[str, Stall]]:
        """Return what held our workers up since the last call, each with the worker's name."""
        stalls, self._stalls = self._stalls, []
        return stalls

    def hold_to(self, rps: float | None) -> None:
        """Do nothing: each worker is told its share with every order."""

    def take_refusals(self) -> list[tuple[str, list[Refusal]]]:
        """Return what the guards of our workers have refused since the last call, each with its name."""
        refusals, self._refusals = self._refusals, []
        return refusals

    @property
    def blind(self) -> tuple[str, ...]:
        """What the guards of workers cannot see, and who has none."""
        ours = (f"worker {worker.name}: {text}" for worker in self.roll for text in worker.blind)
        plain = (
            f"worker {worker.name} is plain locust and has no guard: what its users contact nobody sees"
            for worker in self.roll
            if not worker.ours
        )
        return (*ours, *plain)

    def begin(self, order: Order, latest: Callable[[], bool]) -> None:  # noqa: ARG002 - workers do it themselves
        """Start a ramp and wait until Locust follows it; without a worker it waits for one by itself."""
        runner = self.runner
        self._catching_up = None
        runner.start(order.users, order.spawn_rate)
        ramp = None if runner.owed else runner.spawning_greenlet
        gevent.sleep(0)
        while ramp is not None and not ramp.ready() and runner.state not in ("spawning", "running"):
            gevent.sleep(0.01)

    def catch_up(self) -> None:
        """Have our workers tell what they have counted so far."""
        asked = time.monotonic()
        self.runner.tell_ours(ASK)
        while any(worker.ours and worker.reported < asked for worker in self.roll.here):
            if time.monotonic() - asked > CATCH_UP:
                break
            gevent.sleep(0.005)

    def caught_up(self) -> bool:
        """Return whether our workers have told what they had counted when this was first called."""
        if self._catching_up is None:
            self._catching_up = gevent.spawn(self.catch_up)
        if not self._catching_up.ready():
            return False
        self._catching_up = None
        return True

    def halt(self) -> None:
        """Stop the load; blocks until the users are gone and all that they did is counted."""
        self.runner.stop()

    def abort(self) -> None:
        """Cut every request off at once."""
        self.runner.cut_off()

    def free_the_loop(self) -> None:
        """Do nothing: there are no users here."""

    def lose(self, worker: Worker, why: str) -> None:
        """Give a worker up whose process has ended; may block."""
        if not self.runner.closing:
            self.runner.lose(worker, "lost", why)

    def close(self) -> None:
        """Wait a moment until the workers have left, then leave the port."""
        deadline = time.monotonic() + FAREWELL
        while self.roll.here and time.monotonic() < deadline:
            gevent.sleep(0.02)
        if self._asking is not None:
            self._asking.kill(block=False)
        self.runner.greenlet.kill(block=True)
        self.runner.server.close(linger=100)
        self.recorder.close()

    def _on_quitting(self, **_: Any) -> None:
        # Fired in reverse: before the master's own listener, which says good-bye to the workers.
        self.runner.closing = True

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        worker = self.roll.get(client_id)
        if worker is None:
            return
        reports = data.get(KEY)
        if reports is None:
            self._count_plain(worker, data)
            return
        for packed in reports:
            if packed.get("format") == FORMAT:
                self._count(worker, Report.unpacked(packed))
            elif not worker.refused:
                self._refuse(worker, str(packed.get("version", "")))

    def _refuse(self, worker: Worker, version: str) -> None:
        """Send a worker away whose figures cannot be read: its users would be load that nobody counts."""
        worker.refused, worker.version = True, version
        text = f"worker {worker.name} runs Rampdeck {version}, whose reports {__version__} cannot read"
        self.roll.tell(f"{text}: it is sent away, and what it counted is missing", MISSED, worker.told_until)
        self.runner.send_away(worker)

    def _count(self, worker: Worker, report: Report) -> None:
        if report.number <= worker.number:
            return
        missed = report.number - worker.number - 1
        if missed:
            self.roll.tell(f"{missed} reports of worker {worker.name} were lost", MISSED, worker.told_until)
        requests = 0
        for packed in report.entries:
            stats = unpack(packed)
            requests += stats.successes.count + stats.failures.count
            self._merged.add(stats)
        self._pace.add(report.pace)
        worker.number, worker.reported = report.number, time.monotonic()
        worker.version, worker.host, worker.pid = report.version, report.host, report.pid
        worker.cpu, worker.lag, worker.lag_max = report.cpu, report.lag, report.lag_max
        worker.rss, worker.open_files = report.rss, report.open_files
        worker.open_files_limit = report.open_files_limit
        self._stalls += ((worker.name, unpack_stall(packed)) for packed in report.stalls)
        if report.why_idle:
            since = worker.reported - report.idle
            text = f"worker {worker.name} stopped its users {report.idle:.1f} s ago by itself"
            self.roll.tell(f"{text}: {report.why_idle}", IDLE, since)
        if report.refused:
            self._refusals.append((worker.name, list(map(refusals.unpack, report.refused))))
        worker.blind = tuple(report.blind)
        if report.aside and report.aside != worker.aside:
            self.roll.tell(f"worker {worker.name}: {report.aside}")
        worker.aside = report.aside
        worker.rate(requests, report.seconds)
        if report.wire and report.wire != worker.wire:
            self.roll.tell(f"worker {worker.name} has no wire clock: {report.wire}")
        worker.wire = report.wire
        worker.held += report.held
        worker.trouble = worker.trouble or report.trouble  # until the load begins anew
        self._spelled.update(report.spelled)
        worker.overflowed, worker.exceptions = report.overflowed, dict(report.exceptions)

    def _count_plain(self, worker: Worker, data: Mapping[str, Any]) -> None:
        now = time.monotonic()
        requests = 0
        for stats in of_locust(data):
            requests += stats.successes.count + stats.failures.count
            self._merged.add(stats)
        seconds, worker.reported = now - worker.reported, now
        worker.rate(requests, seconds)
