"""A locustfile whose users try every way to a host that they may not contact; each notes what it met."""

from __future__ import annotations

import _socket
import asyncio
import contextlib
import errno
import http.client
import importlib
import multiprocessing
import os
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import gevent.monkey
import redis
import requests
import socketio  # type: ignore[import-untyped]
import websocket
from locust import FastHttpUser, HttpUser, User, constant, events, task

OTHER = "127.0.0.2"
PORT, SIX = int(os.environ["OTHER_PORT"]), int(os.environ["SIX_PORT"])
AWAY = f"http://{OTHER}:{PORT}/"
NOTES = Path(os.environ["NOTES"])
WHO = f"{os.getpid()}"
REFUSALS = (OSError, RuntimeError, redis.RedisError, socketio.exceptions.SocketIOError)
met: dict[str, str] = {}


def note(name: str, error: BaseException | None) -> None:
    said = "nothing stood in the way" if error is None else f"{type(error).__name__}: {error}"
    met[name] = said
    with NOTES.open("a") as notes:
        notes.write(f"{WHO}\t{name}\t{' '.join(said.split())}\n")


def tried(name: str, way: Callable[[], object]) -> None:
    try:
        way()
    except REFUSALS as error:
        note(name, error)
    else:
        note(name, None)


def plain(where: tuple[object, ...], family: int = socket.AF_INET) -> None:
    with socket.socket(family) as sock:
        sock.settimeout(5)
        sock.connect(where)


def datagram(how: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if how == "sendto":
            sock.sendto(b"x", (OTHER, PORT))
        elif how == "sendmsg":
            sock.sendmsg([b"x"], [], 0, (OTHER, PORT))
        else:
            sock.connect((OTHER, PORT))
            sock.send(b"x")


def raw() -> None:
    """Say one address to the system and another one in the packet."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, socket.IPPROTO_UDP, 0)
    header += socket.inet_aton("127.0.0.1") + socket.inet_aton(OTHER)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(header + struct.pack("!HHHH", PORT, PORT, 8, 0), ("127.0.0.1", 0))


def no_address() -> None:
    """Go to what is nowhere in IPv4, and so 127.0.0.1, and then to the same in IPv6."""
    with contextlib.suppress(ConnectionRefusedError):
        _socket.socket().connect(("", SIX))
    _socket.socket(socket.AF_INET6).connect(("", SIX))


def connect_ex() -> None:
    code = socket.socket().connect_ex((OTHER, PORT))
    raise OSError(code, "refused by Rampdeck's guard: in numbers") if code == errno.EACCES else OSError(code)


def fast_open() -> None:
    with socket.socket() as sock:
        sock.sendto(b"x", socket.MSG_FASTOPEN, (OTHER, PORT))


def raised_by(run: Callable[[Callable[[], None]], object], way: Callable[[], object]) -> None:
    """Let something else call a way, and raise here what it raised there."""
    raised: list[BaseException] = []

    def call() -> None:
        try:
            way()
        except REFUSALS as error:
            raised.append(error)

    run(call)
    if raised:
        raise raised[0]


def green_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def native_thread(call: Callable[[], None]) -> None:
    gevent.get_hub().threadpool.apply(call)


def unpatched_thread(call: Callable[[], None]) -> None:
    done = gevent.get_hub().loop.async_()
    waiting = gevent.event.Event()
    done.start(waiting.set)

    def run() -> None:
        call()
        done.send()

    gevent.monkey.get_original("_thread", "start_new_thread")(run, ())
    waiting.wait()


async def opened() -> None:
    await asyncio.wait_for(asyncio.open_connection(OTHER, PORT), 5)


def in_the_loop() -> None:
    """Make a task in the loop that runs in this thread: Rampdeck's own, where there is one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(opened())
        return
    task = loop.create_task(opened())
    while not task.done():
        gevent.sleep(0.01)
    task.result()


def interpreter() -> None:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    importlib.import_module(name).create()


WAYS: dict[str, Callable[[], object]] = {
    "socket": lambda: plain((OTHER, PORT)),
    "create_connection": lambda: socket.create_connection((OTHER, PORT), 5),
    "connect_ex": connect_ex,
    "IPv6": lambda: plain(("::1", SIX), socket.AF_INET6),
    "IPv6 with a zone": lambda: plain(("::1", SIX, 0, 1), socket.AF_INET6),
    "no address": no_address,
    "raw packet": raw,
    "IPv4 in IPv6": lambda: plain((f"::ffff:{OTHER}", PORT), socket.AF_INET6),
    "IPv4 in IPv6, in hex": lambda: plain(("::ffff:7f00:2", PORT), socket.AF_INET6),
    "name": lambda: plain(("elsewhere.test", PORT)),
    "name that has moved": lambda: plain(("moving.test", PORT)),
    "_socket": lambda: _socket.socket().connect((OTHER, PORT)),
    "_socket, by name": lambda: _socket.socket().connect(("127.2", PORT)),
    "sendto": lambda: datagram("sendto"),
    "sendmsg": lambda: datagram("sendmsg"),
    "UDP connect": lambda: datagram("connect"),
    "TCP fast open": fast_open,
    "greenlet": lambda: raised_by(lambda call: gevent.spawn(call).join(), WAYS["socket"]),
    "thread": lambda: raised_by(green_thread, WAYS["socket"]),
    "threadpool": lambda: raised_by(native_thread, WAYS["socket"]),
    "native thread": lambda: raised_by(unpatched_thread, WAYS["_socket"]),
    "asyncio": in_the_loop,
    "asyncio in a native thread": lambda: raised_by(native_thread, lambda: asyncio.run(opened())),
    "urllib": lambda: urllib.request.urlopen(AWAY, timeout=5),
    "http.client": lambda: http.client.HTTPConnection(OTHER, PORT, timeout=5).request("GET", "/"),
    "requests": lambda: requests.get(AWAY, timeout=5),
    "redis": lambda: redis.Redis(host=OTHER, port=PORT).ping(),
    "websocket": lambda: websocket.create_connection(f"ws://{OTHER}:{PORT}/", timeout=5),
    "socket.io": lambda: socketio.Client(reconnection=False).connect(AWAY, wait_timeout=5),
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "interpreter": interpreter,
    "subprocess": lambda: subprocess.run(["curl", AWAY], check=True),
    "subprocess, unpatched": lambda: gevent.monkey.get_original("subprocess", "Popen")(["curl", AWAY]),
    "os.system": lambda: os.system(f"curl {AWAY}"),
    "posix_spawn": lambda: os.posix_spawn("/usr/bin/env", ["env"], {}),
    "multiprocessing": lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
    "fork": os.fork,
}
CLIENTS = (
    "HttpUser redirected",
    "HttpUser absolute",
    "HttpUser of its own",
    "FastHttpUser redirected",
    "FastHttpUser absolute",
    "FastHttpUser of its own",
)
ALL = (*WAYS, *CLIENTS, "import", "init", "test_start")

tried("import", WAYS["socket"])


@events.init.add_listener  # type: ignore[untyped-decorator]
def _(**_: object) -> None:
    tried("init", WAYS["requests"])


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _(environment: object, **_: object) -> None:
    # What a DNS does in the middle of a test.
    hosts = Path(os.environ["NAMES"])
    hosts.write_text(hosts.read_text().replace("moving.test 127.0.0.1", f"moving.test {OTHER}"))
    tried("test_start", WAYS["http.client"])


@events.request.add_listener  # type: ignore[untyped-decorator]
def _(name: str, exception: BaseException | None, **_: object) -> None:
    note(name, exception)


class Once(User):
    abstract = True
    fixed_count = 1
    wait_time = constant(0.1)
    last = ""
    """The name of the last thing that it does."""

    @task
    def everything(self) -> None:
        if self.last not in met:
            self.go()

    def go(self) -> None:
        raise NotImplementedError


class Requests(Once, HttpUser):
    last = "HttpUser absolute"

    def go(self) -> None:
        self.client.get("/away", name="HttpUser redirected")
        self.client.get(AWAY, name=self.last)


class FastRequests(Once, FastHttpUser):
    last = "FastHttpUser absolute"

    def go(self) -> None:
        self.client.get("/away", name="FastHttpUser redirected")
        self.client.get(AWAY, name=self.last)


class OwnHost(Once, HttpUser):
    last = "HttpUser of its own"

    def __init__(self, environment: Any) -> None:
        self.host = AWAY.rstrip("/")  # Locust puts -H into the class; this is later
        super().__init__(environment)  # type: ignore[no-untyped-call]

    def go(self) -> None:
        self.client.get("/", name=self.last)


class FastOwnHost(Once, FastHttpUser):
    last = "FastHttpUser of its own"

    def __init__(self, environment: Any) -> None:
        self.host = AWAY.rstrip("/")
        super().__init__(environment)

    def go(self) -> None:
        self.client.get("/", name=self.last)


class Strays(Once):
    last = "fork"  # the last of them

    def go(self) -> None:
        for name, way in WAYS.items():
            tried(name, way)


class Watcher(Once):
    last = ""

    def go(self) -> None:
        runner = self.environment.runner
        if met.keys() >= set(ALL) and not getattr(runner, "told", False):
            runner.told = True
            Path(os.environ["DONE"]).touch()
