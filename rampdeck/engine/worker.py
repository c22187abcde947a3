"""One of our workers: Locust's WorkerRunner, which also tells the cockpit the exact figures.

It goes on hearing the cockpit while it stops, so that a graceful stop can be
cut short, and it is ready again at once; Locust's own is deaf meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent
import gevent.event
import locust
import psutil
from locust import argument_parser, runners
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_INIT, WorkerRunner

import rampdeck
from rampdeck import loop
from rampdeck.engine import throttle, wire
from rampdeck.engine.ceilings import SHARE, Ceilings
from rampdeck.engine.deadman import ALONE, BEAT, DeadMan
from rampdeck.engine.ending import Ending
from rampdeck.engine.recorder import Recorder
from rampdeck.engine.reports import (
    ABORT,
    ASK,
    GUARD_HOSTS,
    KEY,
    Report,
    identity,
    pack,
    pack_pace,
    pack_stall,
)
from rampdeck.engine.stall import Sentry
from rampdeck.engine.starting import fire_init
from rampdeck.errors import UsageError
from rampdeck.guard import refusals
from rampdeck.guard.guard import Guard
from rampdeck.guard.hosts import Hosts
from rampdeck.lag import LagMeter

REPORT = 1.0
"""Seconds between reports, and a little more where the cockpit asks for them at its own second."""
PATIENCE = 0.3
"""Seconds that the cockpit may be late with asking."""
SHORT = 0.5
"""Seconds below which a share of the processor, or the most of a second, says nothing."""
MOST_STALLS = 100
"""What held the loop up that one report tells, at the most; in a second there is room for ten."""
KILLS = 3
"""Times that users are killed where the cockpit has gone: the second time also in their ``on_stop``."""
AGAIN = 0.1
"""Seconds between those times."""
GIVEN_UP = 10
"""Seconds without a word of the cockpit after which a worker ends; one that it started ends with it."""
LAST_WORDS = 500
"""Milliseconds that what was said last gets to leave."""


class CockpitWorker(WorkerRunner):
    """A worker that reports as :class:`rampdeck.engine.reports.Report` says."""

    def __init__(self, environment: Environment, host: str, port: int, *, name: str, guard: Guard) -> None:
        self.name = name
        self.ceilings = Ceilings()
        self._guard = guard
        self.trouble = ""
        self._id = identity(socket.gethostname(), name)
        self._recorder = Recorder(environment)
        self._ending = Ending(self)
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._unsent: list[dict[str, Any]] = []
        self._number = self._spelled = self._held = 0
        self._reported = time.monotonic()
        self._meter = LagMeter()
        self._lags: tuple[float, float] | None = None
        self._cpu, self._read_at = 0.0, self._reported
        self._memory = self._open_files = 0.0
        files = environment.parsed_locustfiles or ()
        self._sentry = Sentry([Path(file).parent for file in files])
        self.initialised = gevent.event.Event()
        self._idle_since, self._why_idle = 0.0, ""
        self._deadman = DeadMan(self._let_go)
        super().__init__(environment, host, port)
        self._deadman.attach(self.client.socket)
        self.greenlet.spawn(self._watch_lag)
        self.greenlet.spawn(self._deadman.watch)

    @property
    def client_id(self) -> str:
        """The id under which it joins; Locust's own would not tell who it is."""
        return self._id

    @client_id.setter
    def client_id(self, _: str) -> None:
        pass

    # -- hearing

    def handle_message(self, msg: Message) -> None:
        """Do what only ours do, and the rest as Locust does."""
        self._deadman.hear(msg.type)
        if msg.type == BEAT or (msg.type == "spawn" and not self._is_steered()):
            return
        if msg.type != "ack":
            # A late joiner is given users at once; the locustfile's init listeners come first.
            self.initialised.wait()
        if msg.type == ASK:
            self._send_stats()
        elif msg.type == ALONE:
            self._deadman.alone = False
        elif msg.type == ABORT:
            self._ending.abort()
        elif msg.type == "stop":
            self.greenlet.spawn(self._stop)
        else:
            if msg.type == "spawn":
                self._learn(msg.data["user_classes_count"])
                if SHARE in msg.data["parsed_options"]:  # only a cockpit says it
                    self._deadman.arm()
                self.ceilings.take_share(msg.data["parsed_options"].get(SHARE))
                if (hosts := msg.data["parsed_options"].get(GUARD_HOSTS)) is not None:
                    self._guard.door.hosts = Hosts.unpacked(hosts)
            super().handle_message(msg)

    def _learn(self, names: Iterable[str]) -> None:
        """Take in user classes that the operator has chosen since this worker was started."""
        environment: Any = self.environment
        known = environment.user_classes_by_name
        available = environment.available_user_classes or {}
        if new := [available[name] for name in names if name not in known and name in available]:
            environment.user_classes.extend(new)
            environment._tasks_filtered = False

    def start_worker(self, user_classes_count: dict[str, int], **_: Any) -> None:
        """Go to these users; those that an earlier step asked to leave are not counted in."""
        leaving = self._ending.leaving()
        super().start_worker(user_classes_count)
        if leaving:
            gevent.joinall(leaving, timeout=self.environment.stop_timeout + 1)
            super().start_worker(user_classes_count)

    def spawn_users(self, user_classes_spawn_count: dict[str, int], wait: bool = False) -> Any:
        """Add as many users as there is room for below the ceiling."""
        return super().spawn_users(self.ceilings.cut_spawns(user_classes_spawn_count, self.user_count), wait)

    def reset_connection(self) -> None:
        """Make a new connection, and listen whether the cockpit is there at its end."""
        super().reset_connection()
        self._deadman.attach(self.client.socket)

    # -- the dead-man's switch

    def _is_steered(self) -> bool:
        """Return whether an order may be followed: not of a cockpit that has gone, or that does not know."""
        return self._deadman.heard.is_set() and not self._deadman.alone

    def _let_go(self, why: str) -> None:
        """Stop the load at once, if there is any, because the cockpit is not there."""
        if self.user_count and not self._deadman.alone:
            self._deadman.alone = True
            gevent.spawn(self._leave_off, why)

    def _leave_off(self, why: str) -> None:
        """Have no users any more, and tell the cockpit so when it is back: it has to order them anew."""
        runners.logger.warning("%s: %s users are stopped", why, self.user_count)
        since = time.monotonic()
        for _ in range(KILLS):
            self._ending.abort()
            gevent.sleep(AGAIN)
            if not self.user_count:
                break
        else:
            runners.logger.critical("users could not be ended: this worker ends itself")
            os._exit(1)
        self._ending.halt()
        self.worker_state = STATE_INIT
        self._deadman.heard.wait()
        self._idle_since, self._why_idle = since, why
        self._send_stats()
        self._idle_since, self._why_idle = 0.0, ""
        while self._deadman.alone:  # until the cockpit has taken note: what it ordered before is not for us
            self._deadman.heard.wait()
            with contextlib.suppress(RPCError):
                self.client.send(Message(ALONE, None, self.client_id))
            gevent.sleep(REPORT)

    def _stop(self) -> None:
        self._ending.halt()
        self._send_stats()
        self.trouble = ""  # it has been told, and was of this load
        self.client.send(Message("client_stopped", None, self.client_id))
        self.worker_state = STATE_INIT
        self.client.send(Message("client_ready", locust.__version__, self.client_id))

    # -- telling

    def stats_reporter(self) -> Any:
        """Report when the cockpit has not asked in time."""
        while True:
            gevent.sleep(0.1)
            if time.monotonic() - self._reported > REPORT + PATIENCE:
                try:
                    self._send_stats()
                except RPCError:
                    runners.logger.warning("the cockpit cannot be reached; it will be told later")

    def _send_stats(self) -> None:
        data: dict[str, Any] = {}
        self.environment.events.report_to_master.fire(client_id=self.client_id, data=data)
        # Kept until it is sent: what it tells has been taken out of the recorder.
        self._unsent.append(self._report().packed())
        data[KEY] = self._unsent
        self.client.send(Message("stats", data, self.client_id))
        self._unsent = []

    def _report(self) -> Report:
        now = time.monotonic()
        seconds, self._reported = now - self._reported, now
        if now - self._read_at > SHORT:
            self._read_at = now
            if self.user_count:
                self._sentry.start()
            else:
                self._sentry.stop()
            with self._process.oneshot():
                self._memory = float(self._process.memory_info().rss)
                self._open_files = float(self._process.num_fds())
            self._cpu, self._lags = self._process.cpu_percent(), self._meter.take()
        lag, lag_max = self._lags or (0.0, 0.0)
        self._number += 1
        return Report(
            number=self._number,
            name=self.name,
            pid=self._process.pid,
            host=socket.gethostname(),
            version=rampdeck.__version__,
            seconds=seconds,
            cpu=self._cpu,
            lag=lag,
            lag_max=lag_max,
            rss=self._memory,
            open_files=self._open_files,
            open_files_limit=float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            entries=[pack(stats) for stats in self._recorder.take()],
            pace=pack_pace(self._recorder.pacing.take(seconds)),
            wire=wire.clock().reason,
            overflowed=self._recorder.overflowed,
            exceptions=dict(self._recorder.exceptions),
            spelled=self._newly_spelled(),
            trouble=self.trouble or self._ending.failure or self._broken_ramp(),
            stalls=[pack_stall(stall) for stall in self._sentry.take()[:MOST_STALLS]],
            aside=self._sentry.aside,
            held=self._newly_held(),
            idle=now - self._idle_since if self._why_idle else 0.0,
            why_idle=self._why_idle,
            refused=[refusals.pack(refusal) for refusal in self._guard.refusals.take()],
            blind=list(self._guard.blind),
        )

    def _newly_held(self) -> int:
        before, self._held = self._held, throttle.held() or 0
        return self._held - before

    def _newly_spelled(self) -> dict[str, str]:
        spelled = list(self._recorder.spelled.items())[self._spelled :]
        self._spelled += len(spelled)
        return dict(spelled)

    def _broken_ramp(self) -> str:
        error = self.spawning_greenlet.exception if self.spawning_greenlet is not None else None
        if error is None or isinstance(error, SystemExit):
            return ""
        return f"the users cannot be started: {type(error).__name__}: {error}"

    def _watch_lag(self) -> None:
        """Look how late the loop is, once the program has started."""
        self.initialised.wait()
        while True:
            gevent.sleep(self._meter.look(time.monotonic()))


def serve(environment: Environment) -> int:
    """Make load until the cockpit says good-bye or a signal comes; returns the exit code.

    Raises :class:`ScenarioError` when an ``init`` listener of the locustfile refuses to go on.
    """
    worker: Any = environment.runner
    fire_init(environment)

    def scenario_exits(exit_: SystemExit) -> None:
        worker.trouble = worker.trouble or f"the scenario called sys.exit({exit_.code!r})"

    loop.exits.append(scenario_exits)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, gevent.spawn, worker.quit)
    worker.initialised.set()
    worker.greenlet.join()
    worker._sentry.stop()
    worker._deadman.close()
    with contextlib.suppress(RPCError):
        worker._send_stats()
        environment.events.quitting.fire(environment=environment, reverse=True)
    environment.events.quit.fire(exit_code=environment.process_exit_code)
    worker.client.close(linger=LAST_WORDS)
    return environment.process_exit_code or 0


def make_worker(
    environment: Environment, host: str, port: int, *, name: str, tries: int, guard: Guard
) -> CockpitWorker:
    """Join the cockpit; blocks until it answers.

    Raises :class:`UsageError` when nobody has answered after so many tries of five seconds.
    """
    # Locust makes its whole parser anew for every option of every order: a quarter of a second each time.
    argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)
    runners.WORKER_LOG_REPORT_INTERVAL = -1  # the cockpit reads what is written, as it is written
    runners.CONNECT_RETRY_COUNT, runners.MASTER_HEARTBEAT_TIMEOUT = tries, GIVEN_UP
    try:
        # As Locust's create_worker_runner does: a worker keeps no history.
        environment.stats = type(environment.stats)(use_response_times_cache=False)
        worker: CockpitWorker = environment._create_runner(
            CockpitWorker, host=host, port=port, name=name, guard=guard
        )
    except (ConnectionError, RPCError) as error:
        fix = "Check --master-host and --master-port, and the way between the two machines"
        raise UsageError(f"no cockpit answers at {host}:{port}", str(error), fix) from None
    return worker
