"""The clock of a host against this machine's: by how much the times in its logs are off.

One short session on the host every 30 s: a line in, the time out, five times,
so that the start of a process is in none of the round trips but ``date``'s own.
The try with the shortest round trip counts; the host looked at its clock
somewhere within it, so half of it is the error. Measured so, a far host's clock
is known to some milliseconds. Where ``date`` has no ``%N`` (busybox, older
macOS) it is known to half a second.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

from rampdeck.clocks import KIND, STEP, Offset, ahead, drift, span
from rampdeck.collector import CollectorConfig, Sink
from rampdeck.errors import CommandFailed, HostUnreachable
from rampdeck.model import Instant, Severity
from rampdeck.remote import Remote, Stream
from rampdeck.text import clean
from rampdeck.view import Column, Metric, Table, Unit, View

from ._states import Alarm, Rule, States
from ._states import metrics as metrics_of

PERIOD = 30.0
"""Seconds from one reading to the next."""
EARLY = (1.0, 4.0)
"""Seconds between the first three: the first one competes with everything else that connects."""
TRIES = 5
PATIENCE = 10.0
"""Seconds to wait for one answer."""

SCRIPT = f"""LC_ALL=C; export LC_ALL; n=0
while [ $n -lt {TRIES} ] && read -r _; do date +%s.%N || exit; n=$((n + 1)); done"""
RULES = {
    "far_off": Rule("the host's clock is more than 250 ms off"),
    "step": Rule("somebody set the host's clock", lasts=False),
}
_ANSWER = re.compile(rb"(\d{9,11})(?:\.(\d{9})\b)?")
_MEANS = "times in its logs are off by that, and sessions, tokens and certificates expire early or late"
_FIX = "Let both keep time: timedatectl set-ntp true, or chrony"


class ClockConfig(CollectorConfig):
    """Each host that is read over SSH has such a source; nobody needs to write a table."""


class ClockCollector:
    """Measures a host's clock, three times at first and then every 30 s."""

    kind: ClassVar[str] = KIND
    Config: ClassVar[type[CollectorConfig]] = ClockConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("offset", Unit.MILLISECONDS, "what the host's clock shows more than this machine's"),
        Metric("error", Unit.MILLISECONDS, "how far that may be from the truth: half of the round trip"),
        *metrics_of(RULES),
    )
    view: ClassVar[View] = View(
        title="Clocks",
        tables=(
            Table(
                "clocks",
                "Clocks",
                (
                    Column("host", "HOST", width=12),
                    Column("offset", "OFFSET", Unit.MILLISECONDS, 8),
                    Column("error", "ERROR", Unit.MILLISECONDS, 8),
                ),
                per_host=True,
            ),
        ),
    )

    def __init__(self, config: ClockConfig) -> None:
        self.config = config
        self._last: Offset | None = None
        self._drift = 0.0
        self._warned: Offset | None = None
        self._states = States(RULES)
        self._coarse = False
        self._read = 0

    def asks(self) -> tuple[str, ...]:
        """Return every command and statement that it may send."""
        return (SCRIPT,)

    async def run(self, remote: Remote, sink: Sink) -> None:
        """Measure until the connection is lost; see :class:`rampdeck.collector.Collector`."""
        while True:
            try:
                offset = await measured(remote)
            except CommandFailed as error:
                # No other source needs it, so it is no reason to call the host blind.
                sink.warn(f"the clock of {remote.host} is not known: {error}")
            else:
                self._tell(offset, remote.host, sink)
                self._read += 1
            await asyncio.sleep(EARLY[self._read - 1] if 0 < self._read <= len(EARLY) else PERIOD)
            sink.due()

    def _tell(self, offset: Offset, host: str, sink: Sink) -> None:
        if offset.error >= 0.5 and not self._coarse:
            self._coarse = True
            text = f"the date command of {host} tells whole seconds only: its clock is known to 0.5 s"
            sink.log(text, Severity.NOTICE, lines=0)
        alarms = [*self._far_off(offset, host), *self._set(offset, host)]
        counts = self._states.read(offset.at.mono, alarms, sink)
        if self._warned is None:
            sink.live()
        else:
            sink.warn(f"the clock of {host} is {ahead(self._warned.seconds)}. {_FIX}")
        sink.sample({"offset": offset.seconds * 1000, "error": offset.error * 1000, **counts})

    def _far_off(self, offset: Offset, host: str) -> Iterator[Alarm]:
        before = self._warned
        if not offset.beyond:
            self._warned = None
            return
        # What the source says of itself changes only when the offset clearly does.
        if before is None or abs(before.seconds - offset.seconds) > STEP + offset.error:
            self._warned = offset
        text = f"the clock of {host} is {ahead(offset.seconds)}: {_MEANS}. {_FIX}."
        yield Alarm("far_off", text, abs(offset.seconds), " s")

    def _set(self, offset: Offset, host: str) -> Iterator[Alarm]:
        """Look whether somebody set the clock; our own steps are told by the generator's source."""
        now, last = drift(), self._last
        if last is not None:
            moved = offset.seconds - last.seconds + now - self._drift
            if abs(moved) > STEP + offset.error + last.error:
                way = "forward" if moved > 0 else "back"
                yield Alarm("step", f"the clock of {host} was set {way} by {span(moved)}")
        self._last, self._drift = offset, now


async def measured(remote: Remote) -> Offset:
    """Return the offset of a host's clock, by the quickest of five answers.

    Raises :class:`CommandFailed` when the host does not tell the time, or any
    other remote error when it cannot be reached.
    """
    found: list[Offset] = []
    async with remote.talk(SCRIPT) as stream:
        answers = _lines(stream)
        for _ in range(TRIES):
            began = time.monotonic()
            try:
                await stream.write(b"\n")
                async with asyncio.timeout(PATIENCE):
                    answer = await anext(answers, None)
            except TimeoutError:
                why = f"no answer for {PATIENCE:g} s"
                raise CommandFailed(f"{remote.host} does not tell the time", why) from None
            except CommandFailed:
                answer = None
            at = Instant.now()
            if answer is None:
                break
            if (offset := offset_of(answer, at, at.mono - began)) is None:
                why = f'date says "{clean(answer.decode(errors="replace"), 80)}"'
                raise CommandFailed(f"{remote.host} does not tell the time", why)
            found.append(offset)
        if found:
            return min(found, key=lambda offset: offset.error)
        ended = await stream.wait()
    if ended.status == -1:
        raise HostUnreachable(f"the clock of {remote.host} cannot be read", "the connection was lost")
    said = clean(ended.stderr.decode(errors="replace").strip(), 200) or f"its status was {ended.status}"
    raise CommandFailed(f"{remote.host} does not tell the time", said)


def offset_of(answer: bytes, at: Instant, round_trip: float) -> Offset | None:
    """Return the offset by one answer of ``date``, which came at ``at``; ``None`` if it is no time."""
    if (told := _ANSWER.match(answer)) is None:
        return None
    asked = at.utc - round_trip / 2
    whole, parts = told.groups()
    if parts is None:
        # Some time within that second.
        return Offset(at, int(whole) + 0.5 - asked, 0.5 + round_trip / 2)
    # In two steps: a float of today's seconds holds no nanoseconds.
    return Offset(at, (int(whole) - asked) + int(parts) / 1e9, round_trip / 2)


async def _lines(stream: Stream) -> AsyncIterator[bytes]:
    held = b""
    async for chunk in stream.chunks():
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            yield line
        held = held[:4096]
