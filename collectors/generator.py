"""This machine and this process: is the generator itself the limit?

A load generator that lacks processor or file descriptors measures itself. The
loop's lag tells it best: Locust's users, the screen and the collectors share
one thread, and whatever comes late there comes late for all of them. What only
the run knows (what was added to requests, where the users are) is fed in.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar

import psutil

from rampdeck.clocks import STEP, drift, span
from rampdeck.collector import CollectorConfig, Sink
from rampdeck.config import GeneratorLimits
from rampdeck.errors import SourceError
from rampdeck.facts import Fact
from rampdeck.health import judge
from rampdeck.lag import LagMeter
from rampdeck.model import Severity
from rampdeck.pace import Ticks
from rampdeck.remote import Remote, Shell
from rampdeck.view import Figure, Metric, Unit, View

from ._facts_generator import generator_facts

CALM = 5
"""Readings in a row without trouble before a warning is taken back."""
WARM_UP = 5.0
"""Seconds in which the lag is not looked at: the program is still starting and connecting."""


class GeneratorConfig(CollectorConfig):
    """``[[collectors]]`` with ``kind = "generator"``; it always reads this machine.

    ``limits`` are those of ``[generator]``, unless it has its own.
    """

    limits: GeneratorLimits = GeneratorLimits()


def _view(limits: GeneratorLimits) -> View:
    """Return the pane, coloured by the limits; a figure warns from half of a limit on."""
    files = limits.files / 100
    return View(
        title="Generator",
        figures=(
            (
                Figure("delay_p95_ms", "delay p95", warn=limits.delay / 2, bad=limits.delay, spark=True),
                Figure("delay_percent", "of p95"),
            ),
            (
                Figure("lag_p99_ms", "lag p99", warn=limits.lag / 2, bad=limits.lag),
                Figure("lag_max_ms", "max 1 s"),
            ),
            (
                Figure("cpu_percent", "cpu", warn=limits.cpu * 0.8, bad=limits.cpu, spark=True),
                Figure("machine_cpu_percent", "machine", warn=80.0, bad=95.0),
            ),
            (
                Figure("rss", "memory"),
                Figure("memory_percent", "machine", warn=limits.memory * 0.9, bad=limits.memory),
            ),
            (
                Figure("open_files", "files", limit="open_files_limit", warn=files * 0.8, bad=files),
                Figure("littles_law", "Little's law"),
            ),
        ),
    )


class GeneratorCollector:
    """Reads this process and this machine once a second; the remote host does not matter."""

    kind: ClassVar[str] = "generator"
    Config: ClassVar[type[CollectorConfig]] = GeneratorConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("cpu_percent", Unit.PERCENT, "of one core, used by this process"),
        Metric("machine_cpu_percent", Unit.PERCENT, "of all cores of this machine, used by everybody"),
        Metric("steal_percent", Unit.PERCENT, "of all cores of this machine, taken by its hypervisor"),
        Metric("rss", Unit.BYTES, "memory of this process"),
        Metric(
            "open_files", Unit.COUNT, "files and sockets that this process has open", most="open_files_limit"
        ),
        Metric("open_files_limit", Unit.COUNT, "files and sockets that it may have (ulimit -n)"),
        Metric("lag_p99_ms", Unit.MILLISECONDS, "how late the loop runs what is due, p99 of ten seconds"),
        Metric("lag_max_ms", Unit.MILLISECONDS, "how late the loop ran what was due, at most, this second"),
        Metric("memory_percent", Unit.PERCENT, "memory of this machine in use, by everybody"),
        Metric("delay_p95_ms", Unit.MILLISECONDS, "what the generator adds to a request, p95 of ten seconds"),
        Metric("delay_percent", Unit.PERCENT, "the same as a share of the requests' p95"),
        Metric("stamped", Unit.COUNT, "1 where response times are wire times, 0 where they are Locust's"),
        Metric(
            "clock_step",
            Unit.PER_SECOND,
            "times that this machine's clock was set, in the second of the sample",
        ),
        Metric("held_back", Unit.PER_SECOND, "requests that the ceiling of [guard] rps held back"),
        Metric("littles_law", Unit.PERCENT, "of the users' time, in a request or a wait, over ten seconds"),
    )
    view: ClassVar[View] = _view(GeneratorLimits())

    def __init__(self, config: GeneratorConfig) -> None:
        self.config = config
        # The pane's colours follow the limits.
        self.view = _view(config.limits)  # type: ignore[misc]
        self.feed: Callable[[], Mapping[str, float]] = dict
        self._calm = 0
        self._drift = drift()

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return ()

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:  # noqa: ARG002 - it is this machine
        """Look once what this machine is made of, and the programs that make the load."""
        return generator_facts()

    async def run(self, remote: Remote, sink: Sink) -> None:  # noqa: ARG002 - every collector is given a host
        """Read once a second for ever; see :class:`rampdeck.collector.Collector`."""
        process, lag = psutil.Process(), LagMeter()
        # The first answer of each is the time since its last call, which nobody made.
        process.cpu_percent()
        psutil.cpu_percent()
        psutil.cpu_times_percent()
        looking = asyncio.create_task(_look(lag))
        try:
            ticks = Ticks()
            await anext(ticks)
            async for _ in ticks:
                values = {**_read(process, lag), **self.feed()}
                values["clock_step"] = float(self._was_set(sink))
                self._judge(values, sink)
                sink.sample(values)
        except (psutil.Error, OSError) as error:
            raise SourceError("this process cannot be read", str(error)) from None
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    def _was_set(self, sink: Sink) -> bool:
        """Say whether somebody set this machine's clock: times before and after do not fit together."""
        before, self._drift = self._drift, drift()
        moved = self._drift - before
        if abs(moved) > STEP:
            way = "forward" if moved > 0 else "back"
            text = f"this machine's clock was set {way} by {span(moved)}"
            sink.log(text, Severity.WARNING, fields={"signal": "clock_step", "state": "once"}, lines=0)
        return abs(moved) > STEP

    def _judge(self, values: dict[str, float], sink: Sink) -> None:
        """Warn while this process is at a limit, and a few readings longer, so that it does not flicker."""
        reason = next((str(excess) for excess in judge(values, self.config.limits)), "")
        self._calm = 0 if reason else self._calm + 1
        if reason:
            sink.warn(reason)
        elif self._calm >= CALM:
            sink.live()


async def _look(lag: LagMeter) -> None:
    """Look at the loop for ever, once the program has started."""
    await asyncio.sleep(WARM_UP)
    loop = asyncio.get_running_loop()
    while True:
        rest = lag.look(loop.time())
        await asyncio.sleep(rest)


def _read(process: psutil.Process, lag: LagMeter) -> dict[str, float]:
    with process.oneshot():
        values = {
            "cpu_percent": process.cpu_percent(),
            "machine_cpu_percent": psutil.cpu_percent(),
            "steal_percent": float(getattr(psutil.cpu_times_percent(), "steal", 0.0)),
            "rss": float(process.memory_info().rss),
            "memory_percent": psutil.virtual_memory().percent,
            "open_files": float(process.num_fds()),
            "open_files_limit": float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        }
    if late := lag.take():
        values["lag_p99_ms"], values["lag_max_ms"] = late
    return values
