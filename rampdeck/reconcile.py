"""Two counts of the same requests: what was sent, by us, and what was seen, by Nginx's access log.

Both count a request when it ends, so what is in flight at the turn from one
load level to the next may fall on either side of it: at most one request for
each user. The log's own times say only the second, and come from another
clock; lines of a second in which levels change may belong to either. What got
no answer may never have arrived. A difference beyond all that is told.

A level lasts here from its change of the target to the next one, with its
ramp; the last one until its users are gone. Pure, and fed like the session:
nothing grows but with the number of levels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rampdeck.clocks import Clocks, Offset
from rampdeck.model import Event, EventKind, Health, Instant, RequestBatch, Sample, SourceInfo, Step, Tick
from rampdeck.workers.untold import BEREFT, IDLE_SINCE, SINCE, Untold

LAG = 3.0
"""Seconds that a line of the log takes to get here, at the most; only used where it carries no time."""
HELD = 5.0
"""Seconds for which counts are held back, so that every change of level up to them is known."""
LAST_LINES = 1.0
"""Seconds after the load in which Nginx's last lines come."""
SKEW = (-0.5, 2.5)
"""How old (s) the youngest second of a log may look for its host's clock to be taken for ours."""
SURE = 0.25
"""Seconds to which an offset must be known to be taken off a log's times."""
GAPS = 100
"""Spans of blindness that are remembered of one source."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""))
"""Methods that a web server logs; a request of another kind is none. Empty: names beyond the cap."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What users sent, by our own count.

    ``killed`` were cut off by us after they had been sent, ``unreported`` were
    answered and left by the scenario's own exception, ``unanswered`` are those
    of the requests of which nothing came back. ``unclocked`` have no wire
    clock, so that their redirects are unknown.
    """

    requests: int = 0
    redirects: int = 0
    killed: int = 0
    unreported: int = 0
    unanswered: int = 0
    unclocked: int = 0

    @property
    def total(self) -> int:
        """All that went out."""
        return self.requests + self.redirects + self.killed + self.unreported

    def plus(self, other: Sent) -> Sent:
        """Return both together."""
        return Sent(
            self.requests + other.requests,
            self.redirects + other.redirects,
            self.killed + other.killed,
            self.unreported + other.unreported,
            self.unanswered + other.unanswered,
            self.unclocked + other.unclocked,
        )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A level (``step``), or with ``step`` 0 the whole run, by both counts.

    ``fewer`` and ``more`` are how many requests Nginx may have seen too few or
    too many without that meaning anything. ``unknown`` says why the counts
    cannot be compared; then ``seen`` is what there is.
    """

    step: int
    sent: Sent
    seen: int
    fewer: int = 0
    more: int = 0
    unknown: str = ""

    @property
    def difference(self) -> int:
        """Seen less sent."""
        return self.seen - self.sent.total

    @property
    def explained(self) -> bool | None:
        """Whether the difference means nothing; ``None`` where that cannot be said."""
        return None if self.unknown else -self.fewer <= self.difference <= self.more


@dataclass(frozen=True, slots=True)
class Counts:
    """All of it: each level, the whole run, and what we cut off.

    ``cut`` says how many requests were cut off at the end of which level;
    ``closed`` how many of Nginx's 499s those were. ``whole`` is ``None`` where
    no access log was read.
    """

    steps: tuple[Reconciled, ...] = ()
    whole: Reconciled | None = None
    cut: tuple[tuple[int, int], ...] = ()
    closed: int = 0


UNCOUNTED = Counts()


@dataclass(slots=True)
class _Level:
    number: int
    began: float
    users_before: int
    over: float | None = None  # when its users were gone; None while they are there, or the next level is
    users: int = 0
    sent: Sent = Sent()
    seen: int = 0
    edge: int = 0  # seen, and perhaps of another level


@dataclass(slots=True)
class _Log:
    """A source that has an access log, or may have one."""

    name: str
    host: str
    health: Health = Health.CONNECTING
    read: bool = False
    first: float | None = None  # seen first
    age: float = float("inf")
    clock: Offset | None = None  # by how much its host's clock is off
    blind: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=GAPS))
    since: float | None = None  # blind since


@dataclass(frozen=True, slots=True)
class _Seen:
    """Requests that ended between two moments; ``second`` is the log's own, if it told."""

    at: float
    log: _Log
    second: float | None
    count: int

    def span(self) -> tuple[float, float]:
        if self.second is None:
            return self.at - LAG, self.at
        if (clock := self.log.clock) is not None:
            begin = self.second - clock.seconds
            return begin - clock.error, begin + 1.0 + clock.error
        low, high = SKEW
        begin = self.second if low <= self.log.age <= high else self.second + self.log.age - 0.5
        return begin, begin + 1.0


class Ledger:
    """Keeps both counts; feed it with every item of a session, after ``clocks``."""

    def __init__(self, clocks: Clocks | None = None) -> None:
        self._clocks = clocks or Clocks()
        self._levels: list[_Level] = []
        self._logs: dict[str, _Log] = {}
        self._held: deque[_Seen] = deque()
        self._running = False
        self._outer = 0
        self._users = 0
        self._cut: dict[int, int] = {}
        self._phase = ""
        self.untold = Untold()

    def take(self, item: Sample | Event | RequestBatch | Step | SourceInfo | Tick) -> None:
        """Take in one item."""
        match item:
            case RequestBatch():
                self._batch(item)
            case Sample() if log := self._logs.get(item.source):
                self._sample(item, log)
            case Event() if SINCE in item.fields or IDLE_SINCE in item.fields:
                self.untold.take(item)
            case Event() if log := self._logs.get(item.source):
                _note_health(item, log)
            case Step():
                self._step(item)
            case SourceInfo(kind="nginx"):
                self._logs[item.name] = _Log(item.name, item.host)

    # -- what was sent

    def _batch(self, batch: RequestBatch) -> None:
        self._users = batch.users
        if not self._levels:
            return
        level = self._levels[-1]
        sent = _sent(batch)
        level.sent = level.sent.plus(sent)
        level.users = max(level.users, batch.users)
        if sent.total or batch.users:
            level.over = None if self._running else batch.at.utc
        killed = sum(stats.killed for stats in batch.sums)
        if killed:
            left = level.number
            if self._running and self._phase in ("ramp", "settle", "warm-up") and len(self._levels) > 1:
                left = self._levels[-2].number
            self._cut[left] = self._cut.get(left, 0) + killed

    def _step(self, step: Step) -> None:
        self._phase = step.phase
        self._running = step.ended is None
        if not self._levels or self._levels[-1].number < step.number:
            self._levels.append(_Level(step.number, step.began.utc, self._users))
        if step.ended is not None and self._levels[-1].number == step.number:
            self._levels[-1].over = step.ended.utc

    # -- what was seen

    def _sample(self, sample: Sample, log: _Log) -> None:
        at = sample.at.utc
        if "requests" not in sample.values:
            # Its error log alone can be read. It may have no access log at all.
            log.since = log.since or at if log.read else None
            return
        if log.since is not None and log.health is not Health.BLIND:
            log.blind.append((log.since, at))
            log.since = None
        log.read = True
        if (clock := self._clocks.of(log.host)) is not None and clock.last.error <= SURE:
            log.clock = clock.last
        rest = int(sample.values["requests"])
        for row in sample.rows:
            second, count = row.get("second"), row.get("requests")
            if isinstance(second, int) and isinstance(count, int):
                log.age = min(log.age, at - second)
                self._held.append(_Seen(at, log, float(second), count))
                rest -= count
        if rest > 0:
            self._held.append(_Seen(at, log, None, rest))
        while self._held and self._held[0].at < at - HELD:
            seen = self._held.popleft()
            self._outer += _enter(self._levels, seen)

    # -- what comes of it

    def counts(self, at: Instant, closed: int = 0) -> Counts:
        """Return both counts as of now; a level that goes on is left out, and the whole run with it."""
        levels = [replace(level) for level in self._levels]
        outer = self._outer + sum([_enter(levels, seen) for seen in self._held])
        cut = tuple(sorted(self._cut.items()))
        if not levels or not any(log.read for log in self._logs.values()):
            return Counts(cut=cut, closed=closed)
        ended = levels[:-1] if self._running else levels
        steps = tuple(
            self._judged(level, end, at) for level, end in zip(ended, _ends(levels, at), strict=False)
        )
        whole = None
        if not self._running:
            sent = Sent()
            for level in levels:
                sent = sent.plus(level.sent)
            whole = Reconciled(
                0,
                sent,
                sum(level.seen for level in levels),
                fewer=outer + sent.unanswered + sent.killed,
                more=outer,
                unknown=next((step.unknown for step in steps if step.unknown), ""),
            )
        return Counts(steps, whole, cut, closed)

    def _judged(self, level: _Level, end: float, at: Instant) -> Reconciled:
        edges = level.edge + level.users_before + level.users
        sent = level.sent
        return Reconciled(
            level.number,
            sent,
            level.seen,
            fewer=edges + sent.unanswered + sent.killed,
            more=edges,
            unknown=self._unknown(level, end, at),
        )

    def _unknown(self, level: _Level, end: float, at: Instant) -> str:
        if self.untold.during(level.began, end):
            return BEREFT
        if level.sent.unclocked:
            return "the wire clock does not run, so redirects are not known"
        for log in self._logs.values():
            if not log.read:
                if log.health in (Health.BLIND, Health.CONNECTING):
                    return f"{log.name} could not be read"
                continue  # left out, or only its error log is read
            if log.first is None or log.first > level.began:
                return f"{log.name} was not read from its beginning"
            spans = [*log.blind, *([(log.since, at.utc)] if log.since is not None else [])]
            if any(begin < end and until > level.began for begin, until in spans):
                return f"{log.name} was blind for a part of it"
        if at.utc < end:
            return "Nginx's last lines were on their way"
        return ""


def _sent(batch: RequestBatch) -> Sent:
    requests = redirects = killed = unreported = unanswered = unclocked = 0
    for stats in batch.sums:
        if stats.method.upper() not in METHODS:
            continue
        count = stats.successes.count + stats.failures.count
        requests += count
        redirects += stats.redirects
        killed += stats.killed - stats.unsent
        unreported += stats.unreported
        # Workers of both kinds may share a name; Locust's time is kept apart where the wire clock runs.
        unclocked += count - stats.locust.count
        unanswered += stats.locust.count - stats.delay.count
    return Sent(requests, redirects, killed, unreported, unanswered, unclocked)


def _note_health(event: Event, log: _Log) -> None:
    if event.kind is EventKind.HEALTH:
        log.health = Health(event.fields["health"])
        if log.health in (Health.LIVE, Health.WARNING):
            log.first = log.first or event.at.utc
        elif log.health is Health.BLIND:
            log.since = log.since or float(event.fields.get("since", event.at.utc))
    elif event.kind is EventKind.GAP and "dropped" not in event.fields:  # what was dropped was counted
        log.blind.append((float(event.fields["from"]), float(event.fields["until"])))
        log.since = None


def _ends(levels: list[_Level], at: Instant) -> Iterator[float]:
    """Yield when the last lines of each level are there: after the next one began, or its users were gone."""
    for level, after in zip(levels, [*levels[1:], None], strict=True):
        if after is not None:
            over = float("inf") if level.over is None else level.over
            yield min(after.began, over) + LAST_LINES
        else:
            yield at.utc if level.over is None else level.over + LAST_LINES


def _enter(levels: list[_Level], seen: _Seen) -> int:
    """Count requests for the level that they are of; return those that may be from before the load."""
    begin, end = seen.span()
    middle = (begin + end) / 2
    for number in range(len(levels) - 1, -1, -1):
        level = levels[number]
        if end <= level.began:
            continue
        if begin < level.began:
            level.edge += seen.count
            before = levels[number - 1] if number else None
            if before is None or (before.over is not None and before.over + LAST_LINES <= begin):
                level.seen += seen.count
                return seen.count
            levels[number - 1].edge += seen.count
            levels[number if middle >= level.began else number - 1].seen += seen.count
            return 0
        after = levels[number + 1].began if number + 1 < len(levels) else float("inf")
        over = float("inf") if level.over is None else level.over + LAST_LINES
        if begin < min(after, over):
            level.seen += seen.count
        return 0
    return 0
