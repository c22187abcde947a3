"""Locust's master in the cockpit.

Locust's own master waits inside the very greenlets that hear the workers, and
needs a minute to give a lost one up. Here ramps and stops have greenlets of
their own, and whoever is silent for :data:`rampdeck.engine.roll.SILENT`
seconds is replaced by the others at once.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import (
    STATE_INIT,
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    STATE_STOPPING,
    MasterRunner,
)

from rampdeck.engine.ceilings import SHARE, Ceilings
from rampdeck.engine.deadman import ALONE, BEAT, EVERY
from rampdeck.engine.ending import GRACE
from rampdeck.engine.recorder import MOST_EXCEPTIONS, count_text
from rampdeck.engine.reports import ABORT, name_of
from rampdeck.engine.roll import LEFT, Roll, Worker
from rampdeck.errors import UsageError

LOOK = 0.5
"""Seconds between looks for workers that have gone silent."""
GATHER = 0.5
"""Seconds in which all who let go of the load say so; then it is ordered anew, once for all of them."""
LAST_REPORT = 4.0
"""Seconds that the last report of a worker is waited for: a plain one reports every three."""
Start = tuple[int, float, Any]


class CockpitMaster(MasterRunner):
    """Locust's master, as the cockpit needs it.

    ``start`` never blocks; ``owed`` is a start that waits for the first
    worker. ``stuck`` says who did not stop, ``deserted`` that a load lost its
    last worker; ``closing`` that :meth:`quit` is meant.
    """

    def __init__(self, environment: Environment, host: str, port: int) -> None:
        self.roll = Roll()
        self.ceilings = Ceilings()
        self.owed: Start | None = None
        self.closing = False
        self.stuck = ""
        self.deserted = False
        self._stop: Any = None
        self._listening: Any = None
        self._idle: set[str] = set()
        super().__init__(environment, host, port)
        self.greenlet.spawn(self._beat)

    # -- starting

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,  # noqa: ARG002
        user_classes: Any = None,
    ) -> None:
        """Start a ramp, below the ceilings, in a greenlet of its own in place of the one under way."""
        if self.ceilings.refuses():
            return
        user_count, spawn_rate = self.ceilings.cut_users(user_count), self.ceilings.cut_rate(spawn_rate)
        self.target_user_count = user_count
        self.deserted = False
        if self.state in (STATE_INIT, STATE_STOPPED):
            self._forget()
        if not self._active():
            self.owed = (user_count, spawn_rate, user_classes)
            return
        self.owed = None
        # Another start may come while the ramp before is being ended: the later one wins.
        while (before := self.spawning_greenlet) is not None and not before.ready():
            before.kill(block=True)
        ramp = self.greenlet.spawn(self._ramp, user_count, spawn_rate, user_classes)
        self.spawning_greenlet = ramp

    def start_shape(self) -> None:
        """Let the locustfile's shape drive the load; its first tick comes later."""
        if self.state in (STATE_INIT, STATE_STOPPED):
            self._forget()
        super().start_shape()

    def _forget(self) -> None:
        """Forget what broke the load before: it would end the new one as well."""
        self.deserted = False
        self.stuck = ""
        for worker in self.roll:
            worker.trouble = ""

    def _ramp(self, user_count: int, spawn_rate: float, user_classes: Any) -> None:
        # Among the options, for those are what Locust hands on with every order.
        setattr(self.environment.parsed_options, SHARE, self.ceilings.share(len(self._active())))
        super().start(user_count, spawn_rate, user_classes=user_classes)

    def _active(self) -> list[Any]:
        return [*self.clients.ready, *self.clients.running, *self.clients.spawning]

    def _redistribute(self) -> None:
        if self.state in (STATE_RUNNING, STATE_SPAWNING):
            self.start(self.target_user_count, self.spawn_rate)

    # -- stopping

    def stop(self, send_stop_to_client: bool = True) -> None:  # noqa: ARG002 - workers are always told
        """Stop the load; returns when it has stopped, except in a greenlet that must go on hearing."""
        self.owed = None
        if self.state in (STATE_INIT, STATE_STOPPED):
            return
        if self._stop is None or self._stop.ready():
            self._stop = gevent.spawn(self._halt)
        current: Any = gevent.getcurrent()
        # Neither may a listener of the locustfile wait for what waits for it.
        if current not in self.greenlet and current is not self._listening:
            self._stop.join()

    def quit(self) -> None:
        """Stop the load; let everybody go only when the cockpit closes."""
        if not self.closing:
            self.stop()
            return
        for worker in self.roll:
            if worker.state != "gone":
                self._send("quit", None, worker)

    def cut_off(self) -> None:
        """Have every worker cut its requests off."""
        self.owed = None
        if self.spawning_greenlet is not None:
            self.spawning_greenlet.kill(block=False)
        nobody = {user.__name__: 0 for user in self.user_classes}
        for worker in self.roll:
            if worker.state == "gone":
                continue
            if worker.ours:
                self._send(ABORT, None, worker)
            else:
                # Locust has no such message. A step to no users at all without a stop timeout is one.
                job = {
                    "timestamp": time.time(),
                    "user_classes_count": nobody,
                    "host": self.environment.host,
                    "stop_timeout": 0.0,
                    "parsed_options": {},
                }
                self._send("spawn", job, worker)

    def _halt(self) -> None:
        self._let(self.environment.events.test_stopping)
        self.final_user_classes_count = {**self.reported_user_classes_count}
        self.update_state(STATE_STOPPING)
        for greenlet in (self.spawning_greenlet, self.shape_greenlet):
            if greenlet is not None:
                greenlet.kill(block=True)
        self.shape_greenlet = self.shape_last_tick = None
        gevent.sleep(0)  # what the ramp has still sent goes first
        self._users_dispatcher = None
        halting = self.roll.here
        for worker in halting:
            worker.stopped = 0.0
        for worker in self.roll:
            if worker.state != "gone":
                self._send("stop", None, worker)
        self._wait_for_the_end(halting)
        self.update_state(STATE_STOPPED)
        self._let(self.environment.events.test_stop)

    def _let(self, event: Any) -> None:
        """Let the listeners of the locustfile run: neither a ``sys.exit`` nor a long wait may end the end."""
        self._listening = gevent.spawn(event.fire, environment=self.environment)
        self._listening.join(self.environment.stop_timeout + GRACE)
        self._listening.kill(block=False)

    def _wait_for_the_end(self, halting: list[Worker]) -> None:
        """Wait until every worker has ended its users, and has told what they did last."""
        deadline = time.monotonic() + self.environment.stop_timeout + 3 * GRACE
        while waited_for := [worker for worker in halting if worker.here and not _has_ended(worker)]:
            if time.monotonic() > deadline:
                names = ", ".join(worker.name for worker in waited_for)
                self.stuck = f"worker {names} did not stop"
                break
            gevent.sleep(0.02)

    def check_stopped(self) -> None:
        """Do nothing: whoever stops says when it has stopped."""

    # -- hearing

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Note who is there, then do as Locust does."""
        worker = self.roll.hear(client_id)
        if worker is not None and worker.refused and client_id not in self.clients:
            return  # turned away: it may go on talking until it has heard that
        if msg.type == "client_ready" and msg.data:
            if self._users_dispatcher is not None and client_id in self.clients:
                # Locust would reckon with it twice.
                self._users_dispatcher.remove_worker(self.clients[client_id])
            name, ours = name_of(client_id)
            worker = self.roll.join(client_id, str(msg.data), name, ours=ours)
            if self.ceilings.rps is not None and not ours:
                self._turn_away(worker)
                return
        elif worker is None and msg.type not in ("locustfile", "logs"):
            self.server.send_to_client(Message("quit", None, client_id))  # of a cockpit before this one
            return
        if msg.type == ALONE:
            self._has_let_go(client_id)
            return
        back = worker is not None and not worker.here and msg.type == "heartbeat"
        super().handle_message(client_id, msg)
        if worker is not None:
            self._follow(worker, msg, back=back)

    def _follow(self, worker: Worker, msg: Message, *, back: bool) -> None:
        if back:
            worker.state = msg.data["state"]
            self.roll.tell(f"worker {worker.name} is back")
        if msg.type == "client_ready":
            if self.owed is not None:
                self.start(*self.owed[:2], user_classes=self.owed[2])
            else:
                self._redistribute()
        elif msg.type == "client_stopped":
            worker.state, worker.users, worker.stopped = "stopping", 0, time.monotonic()
        elif msg.type == "quit":
            self.roll.leave(worker)
            if not self.closing:
                self.roll.tell(f"worker {worker.name} has left", LEFT, worker.told_until)
            self._redistribute()
        elif worker.here and msg.node_id in self.clients:
            client = self.clients[msg.node_id]
            if worker.state != "stopping":
                worker.state = client.state
            worker.users = client.user_count
            if not worker.ours and msg.type == "heartbeat":
                worker.cpu = float(msg.data["current_cpu_usage"])
            if back:
                self._redistribute()

    def log_exception(self, node_id: str, msg: str, formatted_tb: str) -> None:
        """Note what a scenario raised; ours tell it in their reports too."""
        super().log_exception(node_id, msg, formatted_tb)
        worker = self.roll.get(node_id)
        if worker is not None and not worker.ours:
            count_text(worker.exceptions, msg, MOST_EXCEPTIONS)

    # -- the dead-man's switch of the workers

    def _beat(self) -> None:
        """Tell our workers several times a second that this cockpit is there."""
        while True:
            gevent.sleep(EVERY)
            with contextlib.suppress(RPCError):
                self.tell_ours(BEAT)

    def _has_let_go(self, client_id: str) -> None:
        """Take note that a worker has no users, and soon order them anew."""
        if not self._idle:
            gevent.spawn_later(GATHER, self._order_anew)
        self._idle.add(client_id)
        client = self.clients.get(client_id)
        if client is None or self.state not in (STATE_RUNNING, STATE_SPAWNING):
            return
        client.user_classes_count = {}
        if self.spawning_greenlet is not None:
            self.spawning_greenlet.kill(block=False)
        if self._users_dispatcher is not None:
            self._users_dispatcher.remove_worker(client)
            if self._idle.issuperset(client.id for client in self._active()):
                # Nobody has users any more: they come one after the other, as at the beginning.
                self._users_dispatcher = None

    def _order_anew(self) -> None:
        if self.closing:
            return
        idle, self._idle = self._idle, set()
        for client_id in idle:  # not sooner: what the ramp before has still sent would be followed
            self.server.send_to_client(Message(ALONE, None, client_id))
        if self._users_dispatcher is not None:
            for client in self._active():
                if client.id in idle:
                    self._users_dispatcher.remove_worker(client)  # Locust would reckon with it twice
                    self._users_dispatcher.add_worker(client)
        self._redistribute()

    # -- losing

    def heartbeat_worker(self) -> Any:
        """Look for those who have gone silent."""
        looked = time.monotonic()
        while True:
            gevent.sleep(LOOK)
            if self.connection_broken:
                self.reset_connection()
                continue
            before, looked = looked, time.monotonic()
            if looked - before > 2 * LOOK:
                continue  # it was this process that stood still: what they said is still to be read
            for worker in self.roll.silent():
                self.lose(worker, "silent", f"was not heard of for {looked - worker.heard:.1f} s")

    def lose(self, worker: Worker, state: str, why: str) -> None:
        """Give a worker up and let the others have its users."""
        self.roll.lose(worker, state, why)
        client = self.clients.get(worker.id)
        if client is None:
            return
        client.user_classes_count = {}
        client.state = STATE_MISSING
        if state == "lost":
            del self.clients[worker.id]
        if self._users_dispatcher is not None:
            self._users_dispatcher.remove_worker(client)
        if self._active():
            self._redistribute()
        elif self.state in (STATE_RUNNING, STATE_SPAWNING):
            self.deserted = True

    def send_away(self, worker: Worker) -> None:
        """Have a worker leave; the others get its users."""
        self._send("quit", None, worker)

    def _turn_away(self, worker: Worker) -> None:
        """Send a worker away that cannot hold requests back."""
        text = f"worker {worker.name} is plain locust, which cannot hold requests back: it is sent away"
        self.roll.tell(f"{text}, for there is a ceiling, [guard] rps")
        worker.refused = True
        self.roll.leave(worker)
        # Until it is acknowledged it is still beginning, and would go on doing so.
        self._send("ack", {"index": -1}, worker)
        gevent.spawn_later(LOOK, self.send_away, worker)

    # -- sending

    def _send(self, kind: str, data: Any, worker: Worker) -> None:
        self.server.send_to_client(Message(kind, data, worker.id))

    def tell_ours(self, kind: str) -> None:
        """Send a message that only our own workers know."""
        for worker in self.roll.here:
            if worker.ours:
                self._send(kind, None, worker)


def make_master(environment: Environment, host: str, port: int) -> CockpitMaster:
    """Make the cockpit Locust's master; port 0 takes a free one.

    Raises :class:`UsageError` when it cannot listen there.
    """
    where = f"{host}:{port}"
    fix = "Name another with --master-bind-host and --master-bind-port"
    try:
        master: CockpitMaster = environment._create_runner(CockpitMaster, host=host, port=port)
    except (SystemExit, RPCError, OSError) as error:
        # Locust leaves the process, but only where the reason is worded as it knows it.
        if isinstance(error, SystemExit) or "in use" in str(error):
            why = "another program listens there, perhaps a Locust master"
            raise UsageError(f"the workers' port {where} is taken", why, fix) from None
        raise UsageError(f"cannot listen for workers at {where}", str(error), fix) from None
    return master


def _has_ended(worker: Worker) -> bool:
    """Return whether a worker has stopped and told its last figures; ours tell them before."""
    if not worker.stopped or worker.ours:
        return bool(worker.stopped)
    return worker.reported >= worker.stopped or time.monotonic() - worker.stopped > LAST_REPORT
