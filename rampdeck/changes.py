"""What became another system while the load ran: restarts, reloads, failovers, a clock that was set.

What was measured before and after such a moment was not measured on one system.
Workers that died are not among them (that is the product's own failure, and
shows in its figures), nor are those that are replaced in turn (``max_requests``).

Pure, and fed like the session; it grows with the changes, up to :data:`MOST` of each source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rampdeck.clocks import KIND as CLOCK
from rampdeck.format import in_utc
from rampdeck.model import Event, Instant, SourceInfo, Step

MOST = 50
"""Changes of one source that are remembered one by one; more are only counted."""
TOGETHER = 10.0
"""Seconds within which what a source says is of one change: a reload says three things."""
DOWN = 90.0
"""Seconds within which a start belongs to the stop before it; systemd waits for so long before it kills."""

_STOPPED, _STARTED, _RESTARTED, _RELOADED = "was stopped", "was started", "was restarted", "was reloaded"
_SAID = {
    "stopping": _STOPPED,
    "starting": _STARTED,
    "restarted": _RESTARTED,
    "rebooted": "was rebooted",
    "failed_over": "failed over",
    "reloading": _RELOADED,
    "config_changed": _RELOADED,
}
"""What a signal says of its source."""
_BY_SIGNAL = {
    "ttin": "got more workers",
    "ttou": "got fewer workers",
    "usr2": "was upgraded without a stop",
    "winch": "lost its workers",
}
"""What Gunicorn and Uvicorn did when they were sent a signal; HUP is a reload."""
_RANK = (_STARTED, _RELOADED, *_BY_SIGNAL.values(), "failed over", _STOPPED, _RESTARTED, "was rebooted")
"""Of what belongs together, the last of these is told; Nginx also starts workers when it is reloaded."""
_OWN_CLOCK = "this machine's clock"


@dataclass(slots=True)
class Change:
    """One change: whose, what it was, and from when until when, by this machine's clock.

    ``harmless`` is what the times of one log suffer from, but no figure.
    """

    subject: str
    what: str
    at: Instant
    until: Instant
    harmless: bool = False

    def __str__(self) -> str:
        """Return it as half a sentence: ``gunicorn@web was reloaded at 12:24:10 UTC``."""
        return f"{self.subject} {self.what} at {in_utc(self.at.utc)}"

    @property
    def means(self) -> str:
        """What follows from it."""
        of_a_clock = self.harmless or self.subject == _OWN_CLOCK
        return (
            "times before and after do not fit together"
            if of_a_clock
            else "before and after is not one system"
        )


@dataclass(slots=True)
class Changes:
    """All changes while the load ran: from the first step on, until it was stopped for good."""

    told: list[Change] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    _began: Instant | None = None
    _ended: Instant | None = None
    _pending: list[Change] = field(default_factory=list)  # after the load: it may be started again
    _last: dict[str, Change] = field(default_factory=dict)
    _count: dict[str, int] = field(default_factory=dict)

    def step(self, step: Step) -> None:
        """Learn that the load goes on, or has ended with this level."""
        self._began = self._began or step.began
        self._ended = step.ended
        if self._ended is None:
            pending, self._pending = self._pending, []
            for change in pending:
                self._keep(change)

    def take(self, event: Event, source: SourceInfo, when: float) -> None:
        """Take in an event of a source, which happened ``when`` by this machine's clock (UTC seconds)."""
        if self._began is None or "before" in event.fields or (found := _said(event, source)) is None:
            return
        subject, what = found
        # How long ago, not at what time of day: that very clock may have been set.
        at = event.at.plus(min(0.0, when - event.at.utc))
        if at.mono < self._began.mono or self._joins(subject, what, at):
            return
        change = self._last[subject] = Change(subject, what, at, at, harmless=source.kind == CLOCK)
        if self._ended is not None and at.mono > self._ended.mono:
            self._pending = [*self._pending, change][-MOST:]
        else:
            self._keep(change)

    def _joins(self, subject: str, what: str, at: Instant) -> bool:
        last = self._last.get(subject)
        if last is None:
            return False
        starts_again = (last.what, what) == (_STOPPED, _STARTED)
        if at.mono - last.until.mono > (DOWN if starts_again else TOGETHER):
            return False
        if starts_again:
            last.what, last.until = _RESTARTED, at
        else:
            last.what = max(last.what, what, key=_rank)
        return True

    def _keep(self, change: Change) -> None:
        count = self._count[change.subject] = self._count.get(change.subject, 0) + 1
        if count <= MOST:
            self.told.append(change)
        else:
            self.left_out[change.subject] = count - MOST


def sentences(changes: Iterable[Change], left_out: Mapping[str, int] | None = None) -> Iterator[str]:
    """Yield a sentence for each source and sort of change, with the times."""
    alike: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        alike.setdefault((change.subject, change.what), []).append(change)
    for (subject, what), found in alike.items():
        count = len(found) + (left_out or {}).get(subject, 0)
        if count == 1:
            yield f"{found[0]}: {found[0].means}"
        else:
            first, last = in_utc(found[0].at.utc), in_utc(found[-1].at.utc)
            yield f"{subject} {what} {count} times from {first} to {last}: {found[0].means}"


def _said(event: Event, source: SourceInfo) -> tuple[str, str] | None:
    """Return what an event says of whom, if it is a change."""
    signal = event.fields.get("signal", "")
    if source.kind == CLOCK:
        return (f"the clock of {source.host}", "was set") if signal == "step" else None
    if signal == "clock_step":
        return _OWN_CLOCK, "was set"
    if signal == "booting" and source.kind == "uvicorn" and event.fields.get("because") == "restart":
        # Without a supervisor nothing else says that it was started anew.
        return source.name, _RESTARTED
    what = _BY_SIGNAL.get(event.fields.get("signal_name", "").lower()) or _SAID.get(signal)
    if what is None or signal not in _SAID:
        return None
    return (source.host if signal == "rebooted" else source.name), what


def _rank(what: str) -> int:
    return _RANK.index(what) if what in _RANK else -1
