"""A Linux host: its processor, memory, disks, network and sockets, its workers and containers.

One script on the host for the whole session: a line in, a reading out. It ends
when its stdin does, so nothing stays behind. An ``awk`` that stays reads the
kernel's files; what must be looked for (processes, containers, the limits of
listening sockets) is looked for each ten or thirty seconds. What a host does
not have, such as pressure (PSI) or ``ss``, leaves its figures out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import CommandFailed, SourceError
from rampdeck.facts import Fact
from rampdeck.model import Severity
from rampdeck.pace import Ticks
from rampdeck.remote import Completed, Remote, Shell, Stream
from rampdeck.text import clean
from rampdeck.view import Metric, View

from ._cgroups import ControlGroups
from ._devices import Disks, FileSystems, Network
from ._facts_host import SCRIPT, host_facts
from ._host_reading import Part, Reading, Told
from ._host_rules import RULES
from ._host_script import script
from ._host_view import METRICS, VIEW
from ._kernel import Kernel
from ._listeners import Listeners
from ._processes import Processes
from ._states import Alarm, States

READ_TIMEOUT = 10.0
"""Seconds to wait for a reading; a host under load answers late."""
READING_MAX = 1_000_000
"""Bytes of a reading; a host with 10 000 listening sockets stays below."""
RUNTIME_TIMEOUT = 90.0
"""Seconds after which a container runtime, which is asked each half minute, is said not to answer."""

END = b"--\n"

Program = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
Container = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:_.@\\-]+\.(service|scope|slice)$")]
Folder = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./@+-]*$")]


class HostCollectorConfig(CollectorConfig):
    """``[[collectors]]`` with ``kind = "host"``; the host is all that it needs."""

    processes: tuple[Program, ...] = ("gunicorn", "uvicorn")
    """Programs whose processes are shown, with what these start."""
    containers: Literal["all"] | tuple[Container, ...] = Field(default=())
    """Containers of Docker or Podman that are watched: names, or ``all``."""
    units: tuple[Unit, ...] = ()
    """systemd's units whose limits are watched, such as ``gunicorn.service``."""
    paths: tuple[Folder, ...] = ("/", "/var", "/var/log", "/var/lib/postgresql", "/var/lib/docker")
    """Folders whose file systems are watched; what is not there is passed over."""


class Figures:
    """Makes figures of reading after reading of one host."""

    def __init__(self, config: HostCollectorConfig) -> None:
        self._parts: tuple[Part, ...] = (
            Kernel(),
            Listeners(),
            Processes(config.processes),
            ControlGroups(),
            Disks(),
            FileSystems(),
            Network(),
        )

    def read(self, reading: Reading) -> Told:
        """Take the next reading; its rates are those since the one before."""
        told = Told.together(part.read(reading) for part in self._parts)
        if any(alarm.signal == "oom_kill" and alarm.subject for alarm in told.alarms):
            # The kernel counts a kill in a container for the whole host too; the container's says more.
            told.alarms = [it for it in told.alarms if it.subject or it.signal != "oom_kill"]
        return told


class HostCollector:
    """Reads /proc and /sys/fs/cgroup once a second."""

    kind: ClassVar[str] = "host"
    Config: ClassVar[type[CollectorConfig]] = HostCollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    view: ClassVar[View] = VIEW

    def __init__(self, config: HostCollectorConfig) -> None:
        self.config = config
        self.script = script(config)
        self._states = States(RULES)
        self._read = 0.0  # when, on the monotonic clock; 0 before the first time

    def asks(self) -> tuple[str, ...]:
        """Return the scripts, whole: they are all that ever runs on the host."""
        return (self.script, SCRIPT)

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once what this host is made of."""
        return await host_facts(shell)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Read once a second until the script ends; see :class:`rampdeck.collector.Collector`."""
        figures = Figures(self.config)
        runtime = _Runtime(watched=bool(self.config.containers or self.config.units))
        async with remote.stream(self.script, stdin=True) as stream:
            readings = _readings(stream)
            async for _ in Ticks():
                reading = await self._next(remote, stream, readings)
                told = figures.read(reading)
                told.alarms += self._reboots(reading, remote.host)
                signals = self._states.read(time.monotonic(), told.alarms, sink)
                sink.sample(told.values | signals, tuple(told.rows))
                runtime.read(reading, sink)
                _tell_what_it_is(reading, sink)

    def _reboots(self, reading: Reading, host: str) -> list[Alarm]:
        """Look whether the host was started after it was read last; one that was paused was not."""
        now = time.monotonic()
        before, self._read = self._read, now
        if not before or not 0 < reading.uptime < now - before:
            return []
        return [Alarm("rebooted", f"{host} was rebooted: it has been up for {reading.uptime:.0f} s")]

    async def _next(self, remote: Remote, stream: Stream, readings: AsyncIterator[Reading]) -> Reading:
        try:
            with suppress(CommandFailed):  # the end of its output says more
                await stream.write(b"\n")
            async with asyncio.timeout(READ_TIMEOUT):
                reading = await anext(readings, None)
        except TimeoutError:
            why = f"no reading for {READ_TIMEOUT:g} s"
            raise SourceError(f"{remote.host} does not answer", why, "It is tried again") from None
        if reading is None:
            raise SourceError(f"the shell on {remote.host} ended", _why(await stream.wait()))
        return reading


class _Runtime:
    """Watches what looks for containers: what it says, and whether it still answers."""

    def __init__(self, *, watched: bool) -> None:
        self._watched = watched
        self._answered = time.monotonic()
        self._said: list[str] = []

    def read(self, reading: Reading, sink: Sink) -> None:
        """Take what it says with a reading."""
        self._said += reading.lines("runtime")
        if "boxes" in reading:
            self._answered = time.monotonic()
            said, self._said = self._said, []
            if said:
                sink.warn(f"containers: {clean('; '.join(said), 300)}")
            else:
                sink.live()
        elif self._watched and time.monotonic() - self._answered > RUNTIME_TIMEOUT:
            sink.warn("containers: what lists them (docker or podman) does not answer")


def _tell_what_it_is(reading: Reading, sink: Sink) -> None:
    for kind in reading.lines("inside"):
        text = (
            f"this host is itself a container ({clean(kind, 40)}): pressure, disks, steal and "
            "open files are those of the machine below it, where they are told at all"
        )
        sink.log(text, Severity.NOTICE, fields={"signal": "inside_container"}, lines=0)


def _why(ended: Completed) -> str:
    if ended.status == -1:
        return "the connection was lost"
    said = ended.stderr.decode(errors="replace").strip()
    return clean(said, 300) or f"its status was {ended.status}"


async def _readings(stream: Stream) -> AsyncIterator[Reading]:
    """Yield what the script writes, reading by reading."""
    held = b""
    async for chunk in stream.chunks():
        held += chunk
        while (end := held.find(b"\n" + END)) >= 0:
            yield Reading.parse(held[:end].decode(errors="replace"))
            held = held[end + 1 + len(END) :]
        if len(held) > READING_MAX:
            raise SourceError("a reading of the host is too long", f"over {READING_MAX} bytes")
