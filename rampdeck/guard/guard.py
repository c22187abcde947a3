"""The guard of a process: shut before the scenario is imported, until the run is over.

Who is there in which phase:

- while the locustfile is imported, what is known of the hosts by then may be
  contacted. Programs are told of, not refused: libraries start helpers as they
  are imported (``ldconfig``, ``uname``), and no user is there yet;
- from :meth:`Guard.settle` on, with the first listener and the first user,
  the scenario starts no program, unless ``[guard] programs`` lets it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from rampdeck.errors import UsageError
from rampdeck.guard import clients, hook
from rampdeck.guard.apart import is_ours
from rampdeck.guard.door import Door
from rampdeck.guard.hosts import Hosts, look_up
from rampdeck.guard.refusals import Refusals

_PROGRAMS = (
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "subprocess.Popen",
)
_INTERPRETER = "cpython.PyInterpreterState_New"
_UNSEEN = "the guard cannot see what {} connects to"
_LOGGING = logging.Logger.callHandlers.__code__
MOST = 50
"""Blind spots that are told one by one."""

_present: Guard | None = None


def present() -> Guard | None:
    """Return the guard of this process, while there is one."""
    return _present


class Guard:
    """Keeps the users of this process to their hosts.

    ``blind`` are sentences: what it cannot see.
    """

    def __init__(self, *, programs: bool = False) -> None:
        self.programs = programs
        self.refusals = Refusals()
        self.door = Door(self.refusals)
        self._blind: dict[str, None] = {}
        # Ours and Locust's; who else uses them only the scenario's files tell.
        self._before = clients.CLIENTS.keys() & sys.modules.keys()
        self._settled = False
        self._process = os.getpid()
        if programs:
            self.be_blind("the scenario may start programs ([guard] programs): the guard cannot see them")

    @property
    def hosts(self) -> Hosts:
        """The hosts that may be contacted."""
        return self.door.hosts

    @property
    def blind(self) -> tuple[str, ...]:
        """What it cannot see, as sentences, in the order in which they were found."""
        for module in (clients.CLIENTS.keys() & sys.modules.keys()) - self._before:
            self.be_blind(_UNSEEN.format(clients.CLIENTS[module]))
        return tuple(self._blind)

    def be_blind(self, sentence: str) -> None:
        """Note something that it cannot see."""
        if len(self._blind) < MOST:
            self._blind.setdefault(sentence)

    @contextmanager
    def shut(self) -> Iterator[Guard]:
        """Guard this process for a block; the first thing before a line of the scenario runs."""
        global _present
        watchers: dict[str, hook.Watcher] = {
            "socket.connect": self._connecting,
            "socket.sendto": self._connecting,
            "socket.sendmsg": self._connecting,
            "socket.__new__": self._making,
            _INTERPRETER: self._interpreting,
            **dict.fromkeys(_PROGRAMS, self._starting),
        }
        hook.watch(watchers)
        _present = self
        try:
            yield self
        finally:
            hook.watch({})
            _present = None

    def admit(self, names: Iterable[str]) -> list[UsageError]:
        """Let users contact these hosts and no others; who is known keeps its addresses.

        Returns who of them cannot be found.
        """
        missing: list[UsageError] = []
        self.door.hosts = look_up(names, known=self.hosts, missing=missing)
        return missing

    def settle(self, names: Iterable[str], files: Sequence[str]) -> None:
        """Say that the scenario is imported, from these files, and which hosts it may contact for good.

        Raises :class:`UsageError` for a host that cannot be found.
        """
        self.door.hosts = look_up(names, known=self.hosts)
        self._settled = True
        for name in clients.imported_by(files):
            self.be_blind(_UNSEEN.format(name))

    # -- what the hook tells

    def _connecting(self, _: str, arguments: hook.Arguments) -> None:
        sock, address = arguments
        # A socket that is connected sends without an address.
        if address is not None and not _is_apart():
            self.door.connect(sock, address)

    def _making(self, _: str, arguments: hook.Arguments) -> None:
        if not _is_apart():
            self.door.make(int(arguments[1]))

    def _starting(self, event: str, arguments: hook.Arguments) -> None:
        if _is_apart() or self.programs or os.getpid() != self._process:
            return
        name = clients.program(event, arguments)
        if self._settled:
            why = f"the scenario starts {name}, which the guard cannot see. [guard] programs = true lets it"
            self.door.refuse(name, why)
        self.be_blind(f"{name} was started while the locustfile was imported: {_UNSEEN.format('it')}")

    def _interpreting(self, _: str, __: hook.Arguments) -> None:
        if not _is_apart():
            self.door.refuse("an interpreter of its own", "an interpreter of its own has no guard")


def _is_apart() -> bool:
    """Return whether what runs now is Rampdeck itself, and no handler that the scenario has given to logging.

    Those run wherever something is logged, in our tasks as well; none of ours connects.
    """
    if not is_ours():
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not _LOGGING:
        frame = frame.f_back
    return frame is None
