"""Numbers, times and states as the written records say them: plain characters, UTC, a dash for no data."""

from __future__ import annotations

from datetime import UTC, datetime

from rampdeck.gate.words import NOTHING
from rampdeck.model import Instant
from rampdeck.record.result import Decision, Measured, Result
from rampdeck.snapshot import ThresholdState, Verdict

SIGNS = {Verdict.PASS: "●", Verdict.FAIL: "✖", Verdict.INCONCLUSIVE: "▲"}
STATES = {
    ThresholdState.PASS: "● pass",
    ThresholdState.WARN: "▲ pass, near",
    ThresholdState.FAIL: "✖ **fail**",
    ThresholdState.UNKNOWN: "○ unknown",
}
BRIEFLY = "▲ pass, broken briefly"
CUT_OFF = "The session file ends before the session did: what came after that is not in here."


def number(count: int) -> str:
    """Return a count with its thousands apart."""
    return f"{count:,}".replace(",", " ")


def milliseconds(time: float | None) -> str:
    """Return a time in ms without its unit: ``4.2``, ``52``, ``1 204``."""
    if time is None:
        return NOTHING
    return f"{time:.1f}" if time < 10 else number(round(time))


def length(seconds: float) -> str:
    """Return a span: ``41 s``, ``12 min 05 s``, ``1 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def brief(seconds: float) -> str:
    """Return a span that may be below a second: ``0.4 s``."""
    return f"{seconds:.1f} s" if seconds < 9.95 else length(seconds)


def clock(utc: float) -> str:
    """Return the time of day, UTC."""
    return datetime.fromtimestamp(utc, UTC).strftime("%H:%M:%S")


def date(instant: Instant) -> str:
    """Return a moment for the field Date: ``2026-11-22 12:21 UTC``."""
    return datetime.fromtimestamp(instant.utc, UTC).strftime("%Y-%m-%d %H:%M UTC")


def heading(result: Result) -> str:
    """Return the verdict with its sign."""
    return f"{SIGNS[result.result]} {result.result.value}"


def span(result: Result) -> str:
    """Return when there was load and how much of it."""
    if result.began is None:
        return "without load"
    users, requests = _counted(result.users, "user"), _counted(result.total.requests, "request")
    return (
        f"after {length(result.ended.mono - result.began.mono)} from {date(result.began)}: "
        f"{requests}, at most {users}"
    )


def beside(total: Measured) -> tuple[str, ...]:
    """Return what went out beside the requests that are counted, as sentences."""
    said = (
        (total.redirects, "redirects were followed; each is part of its request."),
        (total.killed, "requests were cut off by us and count nowhere."),
    )
    return tuple(f"{number(count)} {what}" for count, what in said if count)


def decided(decision: Decision, computed: Verdict) -> str:
    """Return when and how, to follow who decided what; ``computed`` is the verdict of the gate."""
    if decision.verdict is computed:
        how = "as the gate has it"
    else:
        how = f"**overruling the gate**, which says {computed.value}"
    if decision.computed is not computed:
        how += f" (it said {decision.computed.value} when this was decided)"
    return f"at {date(decision.at)}, {how}"


def _counted(count: int, what: str) -> str:
    return f"{number(count)} {what}{'' if count == 1 else 's'}"
