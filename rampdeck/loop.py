"""The one loop: Locust's greenlets and asyncio's tasks in one thread.

Import this module before anything else of weight. ``import locust`` patches
the process; asyncio, started afterwards, then waits in gevent's selector, so
the gevent hub drives the asyncio loop too. Importing it late would leave
sockets and locks that were made before unpatched.

The two bridges are the only ways across:

- :func:`in_greenlet` for calls into Locust that may block;
- :func:`in_thread` for work that blocks the processor or a disk.

asyncio's own thread helpers must not be used: patched threads are greenlets,
and on CPython >= 3.13.12 and >= 3.14.3 their results can arrive late (gevent
issue 2213).
"""

from __future__ import annotations

import asyncio
import gc
import select
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any, ParamSpec, TypeVar, cast

# Locust before gevent's parts, and in the main thread: importing it patches the
# process, and its stats module installs a SIGWINCH handler.
# isort: off
import locust  # noqa: F401
import gevent
from gevent.monkey import get_original
from gevent.selectors import GeventSelector
# isort: on

from rampdeck.guard.apart import apart

TURN = 0.005
"""Seconds at a time that asyncio may go on while a key press is being answered."""
HURRY = 0.1
"""Seconds that answering a key press may take up."""
P = ParamSpec("P")
T = TypeVar("T")


exits: list[Callable[[SystemExit], None]] = []
"""Who is told when a greenlet (a user of a scenario) calls ``sys.exit``."""


_poll = get_original("select", "poll")
# gevent's own would let every user have a turn first.


def can_write(descriptor: int) -> bool:
    """Return whether a descriptor takes at least 4096 bytes now, or says at once why not; never waits."""
    poll = _poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def is_gone(descriptor: int) -> bool:
    """Return whether nobody is left at the other end of a pipe, a socket or a terminal; never waits."""
    poll = _poll()
    poll.register(descriptor, 0)  # errors and hang-ups are told always
    return bool(poll.poll(0))


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in the one loop; the counterpart of :func:`asyncio.run`.

    Whatever asyncio runs for it is Rampdeck's own, and apart from the guard.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_apart(main))


async def _apart(main: Coroutine[Any, Any, T]) -> T:
    with apart():
        return await main


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an asyncio loop that waits in the gevent hub; :func:`run` and the tests use it."""
    return _Loop(_Selector())


class _Selector(GeventSelector):
    """gevent's selector, with a short way for answering a key press.

    gevent runs every greenlet that is ready between two turns of asyncio. At
    full load that is all the users, and from a key press to its paint there are
    some ten turns. So after :func:`hurry`, asyncio goes on with the callbacks
    that it has ready, for :data:`TURN` seconds at a time. Without a key press
    the users' turns come as ever: this must not cost them anything.
    """

    hurried_until = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Wait as gevent does, but while in a hurry not before asyncio's time is up."""
        if timeout is not None and timeout <= 0 and perf_counter() < self._until:
            return []
        ready: list[Any] = super().select(timeout)
        now = perf_counter()
        self._until = now + TURN if now < self.hurried_until else 0.0
        return ready


def hurry() -> None:
    """Say that a key was pressed: what it brings about is to be painted soon."""
    _Selector.hurried_until = perf_counter() + HURRY


def freeze(*, collect: bool) -> None:
    """Take all that is there by now out of garbage collection, and begin to collect what comes.

    Users make garbage in circles, so full collections come every few seconds;
    with the program's own half a million objects one takes some 100 ms, and
    every user waits for it. ``collect`` collects the garbage of the start,
    which takes as long: only before the load.
    """
    if collect:
        gc.collect()
    gc.freeze()
    gc.enable()


class _Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, resolving names through gevent instead of an executor of patched threads."""

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        """Resolve a name; arguments, result and errors are those of :func:`socket.getaddrinfo`."""
        return await in_greenlet(socket.getaddrinfo, *args, **kwargs)

    async def getnameinfo(self, *args: Any, **kwargs: Any) -> Any:
        """Name an address; arguments, result and errors are those of :func:`socket.getnameinfo`."""
        return await in_greenlet(socket.getnameinfo, *args, **kwargs)


async def in_greenlet(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of Locust that may block, in a greenlet of its own, and await it.

    Whatever the function raises is raised here. Cancelling the wait does not
    end the greenlet: half a Locust call would leave Locust in no known state.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Outcome[T]] = loop.create_future()

    def call() -> None:
        loop.call_soon_threadsafe(_deliver, future, _outcome(function, *args, **kwargs))

    gevent.spawn(call)
    return _unwrap(await future)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that blocks, in a native thread of gevent's pool, and await it.

    The function must not touch Locust, asyncio or gevent.
    """
    pool = gevent.get_hub().threadpool
    # The outcome travels as a value: gevent prints what a pool thread raises.
    outcome: Outcome[T] = await in_greenlet(pool.apply, partial(_outcome, function, *args, **kwargs))
    return _unwrap(outcome)


def _handle_error(original: Callable[..., None], context: Any, kind: Any, error: Any, trace: Any) -> None:
    """Keep ``sys.exit`` of a user's task from ending the whole process, unrecorded, at any line."""
    if isinstance(kind, type) and issubclass(kind, SystemExit) and exits:
        for listener in exits:
            listener(error if isinstance(error, SystemExit) else SystemExit(error))
        return
    original(context, kind, error, trace)


Outcome = tuple[T | None, BaseException | None]


def _outcome(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    try:
        return function(*args, **kwargs), None
    except BaseException as error:  # noqa: BLE001 - carried over to the awaiting task
        return None, error


def _unwrap(outcome: Outcome[T]) -> T:
    result, error = outcome
    if error is not None:
        raise error
    return cast("T", result)


def _deliver(future: asyncio.Future[Outcome[T]], outcome: Outcome[T]) -> None:
    if not future.done():
        future.set_result(outcome)


gevent.get_hub().handle_error = partial(  # type: ignore[method-assign]
    _handle_error, gevent.get_hub().handle_error
)
