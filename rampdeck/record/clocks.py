"""What the record says of the hosts' clocks: by how much each was off, and what that means for the logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rampdeck.clocks import HostClock, Offset, ahead
from rampdeck.model import Instant
from rampdeck.record.result import ClockResult, Finding

_ADVICE = "Let both machines keep time (timedatectl set-ntp true, or chrony), then repeat"
_NOTE = (
    "Offsets are what a host's clock showed more than this machine's, half of the round trip being the "
    "error. Times from its logs stand as the host wrote them; where things of several hosts are put in "
    "order, the offset is taken off."
)
_HEAD = ("Clock of", "Worst offset", "Last offset", "Error", "Readings", "From (UTC)", "To (UTC)")

Table = Callable[[Sequence[str], Iterable[Sequence[str]], int], str]


def results(clocks: Iterable[HostClock]) -> tuple[ClockResult, ...]:
    """Return what came of the measurements."""
    return tuple(
        ClockResult(clock.host, clock.worst, clock.last, clock.first.at, clock.readings) for clock in clocks
    )


def findings(clocks: Iterable[HostClock]) -> Iterator[Finding]:
    """Yield a finding for each clock that was far off."""
    for clock in clocks:
        if clock.worst.beyond:
            worst = clock.worst
            evidence = f"at {_time(worst.at)} UTC: {_signed(worst)}, error {_ms(worst.error)}"
            text = f"the clock of {clock.host} was {ahead(worst.seconds)}"
            yield Finding("clock", "warning", text, (evidence,), _ADVICE, worst.at.utc)


def section(clocks: Sequence[ClockResult], table: Table, code: Callable[[str], str]) -> str:
    """Return what the Markdown record says; empty where no clock was measured."""
    if not clocks:
        return ""
    far = [
        f"- The clock of {code(clock.host)} was {ahead(clock.worst.seconds)}."
        for clock in clocks
        if clock.worst.beyond
    ]
    rows = [
        (
            code(clock.host),
            _signed(clock.worst),
            _signed(clock.last),
            _ms(clock.last.error),
            str(clock.readings),
            _time(clock.began),
            _time(clock.last.at),
        )
        for clock in clocks
    ]
    return "\n\n".join(part for part in ("\n".join(far), table(_HEAD, rows, 1), _NOTE) if part)


def to_json(clock: ClockResult, moment: Callable[[Instant], str | None]) -> dict[str, Any]:
    """Return a clock as JSON; offsets and error in ms, ``worst_error`` that of the worst offset."""
    return {
        "host": clock.host,
        "worst_offset_ms": round(clock.worst.seconds * 1000, 3),
        "worst_error_ms": round(clock.worst.error * 1000, 3),
        "worst_at": moment(clock.worst.at),
        "last_offset_ms": round(clock.last.seconds * 1000, 3),
        "last_error_ms": round(clock.last.error * 1000, 3),
        "beyond_limit": clock.worst.beyond,
        "readings": clock.readings,
        "from": moment(clock.began),
        "until": moment(clock.last.at),
    }


def _signed(offset: Offset) -> str:
    return f"{offset.seconds * 1000:+,.1f} ms".replace(",", " ")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _time(moment: Instant) -> str:
    return datetime.fromtimestamp(moment.utc, UTC).strftime("%H:%M:%S")
