"""Can this run be trusted?

A verdict needs data that was there and a generator that was not itself the
bottleneck. Each measured second is looked at; what was missing in more than a
tenth of a load level's seconds marks the level, and a mark turns PASS into
INCONCLUSIVE. What marks a level is a doubt about the run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rampdeck.arrivals import shortfall
from rampdeck.config import GeneratorLimits
from rampdeck.health import STOOD, STOOD_STAMPED, Excess, is_stamped, judge, judge_cockpit, judge_workers
from rampdeck.model import Health, Step, level_name
from rampdeck.session import Session, Source
from rampdeck.untold import BEREFT

BLIND_SHARE = 0.10
"""Share of the measured seconds that a source may be blind before it is a doubt."""
ENOUGH_USERS = 0.9
"""Share of a level's users below which it is not that level."""
LATE = 2.0
"""Seconds between two looks from which on the generator itself was stuck: they should be one apart."""
MOST_TOLD = 5
"""Load levels of which a run says one by one what was amiss; of the others it says how many there were."""
_KINDS = ("blind", "missing", "missed", "doubted", "tainted")
_MISSING = "the scenario ended them, or they failed to start"


@dataclass
class _Span:
    """Measured seconds, and those of them in which something was amiss."""

    name: str = ""
    measured: float = 0.0
    short: float = 0.0
    missed: str = ""
    bereft: bool = False
    final: tuple[str, ...] | None = None  # the marks, once the level has ended
    blind: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    why: defaultdict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    excess: defaultdict[Excess, float] = field(default_factory=lambda: defaultdict(float))

    def too_long(self, seconds: float) -> bool:
        return seconds > BLIND_SHARE * self.measured

    def add_blind(self, source: Source, seconds: float) -> None:
        """Note that a source was not seen, and why."""
        why = self.why[source.info.name]
        self.blind[source.info.name] += seconds
        why[source.reason] = why.get(source.reason, 0.0) + seconds

    def marks(self) -> Iterator[str]:
        """Return everything that was amiss for too long."""
        yield from (text for _, text in self.excesses())
        yield from self.blindness()
        yield from self.missing()
        if self.missed:
            yield self.missed
        if self.bereft:
            yield BEREFT

    def said(self, kind: str) -> Iterator[str]:
        """Return what was amiss of a kind (:data:`_KINDS`)."""
        match kind:
            case "blind":
                yield from self.blindness()
            case "missing":
                yield from self.missing()
            case "missed":
                yield from (self.missed,) * bool(self.missed)
            case _:
                yield from (text for excess, text in self.excesses() if excess.taints is (kind == "tainted"))

    def excesses(self) -> Iterator[tuple[Excess, str]]:
        for excess, seconds in self.excess.items():
            if self.too_long(seconds):
                yield excess, f"{excess.what} in {self._share(seconds)}: {excess.means}"

    def blindness(self) -> Iterator[str]:
        """Return which sources were blind; those with the same reason, such as their host, together."""
        together: defaultdict[str, list[str]] = defaultdict(list)
        for name, blind in self.blind.items():
            if self.too_long(blind):
                reasons = self.why[name]
                together[max(reasons, key=lambda why: reasons[why])].append(name)
        for why, names in together.items():
            longest = max(self.blind[name] for name in names)
            up_to = "up to " if len(names) > 1 else ""
            mostly = ", mostly" if any(len(self.why[name]) > 1 for name in names) else ""
            reason = f"{mostly}: {why}" if why else ""
            yield f"{_listed(names)} blind for {up_to}{self._share(longest)}{reason}"

    def missing(self) -> Iterator[str]:
        if self.too_long(self.short):
            yield f"users were missing in {self._share(self.short)}: {_MISSING}"

    def _share(self, seconds: float) -> str:
        return f"{seconds:.0f} of {self.measured:.0f} measured seconds"


class _Ended:
    """What the levels that have ended say: sentences that never change, of which a few are told.

    Worked out once for each level, so that a second costs the same after thousands of them.
    """

    def __init__(self) -> None:
        self._told: defaultdict[str, list[str]] = defaultdict(list)
        self._count: Counter[str] = Counter()

    def add(self, level: _Span) -> None:
        """Take in a level that has ended."""
        for kind in _KINDS:
            for text in level.said(kind):
                self._count[kind] += 1
                if len(self._told[kind]) <= MOST_TOLD:
                    self._told[kind].append(f"{level.name}: {text}")

    def with_present(self, kind: str, present: Iterable[_Span]) -> list[str]:
        """Return what these levels and those that still go on say of a kind, shortened."""
        now = [f"{level.name}: {text}" for level in present for text in level.said(kind)]
        return _shortened([*self._told[kind], *now], self._count[kind] + len(now))


class Trust:
    """Counts the measured seconds, and those in which something was amiss, per load level and in all."""

    def __init__(self, limits: GeneratorLimits | None = None) -> None:
        self._limits = limits or GeneratorLimits()
        self._whole = _Span()
        self._levels: dict[int, _Span] = {}
        self._ended = _Ended()
        self._present: dict[int, _Span] = {}  # those that are not in self._ended yet
        self._bereft: list[str] = []
        self._blind: set[str] = set()  # at the last look
        self._looked_at = 0.0  # up to here, what workers did not tell has marked its levels
        self.doubted: dict[int, bool] = {}
        """The levels that are not to be trusted, and whether not even a failure of theirs is certain."""

    @property
    def measured(self) -> float:
        """The measured seconds of all levels."""
        return self._whole.measured

    def observe(self, session: Session, seconds: float) -> None:
        """Look at the ``seconds`` since the last look; call it once a second."""
        step = session.step
        self._look_for_workers(session)
        if step is None or step.phase != "measure":
            return
        level = self._level(step)
        if (book := session.book.steps.get(step.number)) is not None:
            level.missed = shortfall(book.pace.view(book.seconds))
        short = session.user_count < ENOUGH_USERS * step.users
        blind = [s for s in session.sources.values() if s.health in (Health.BLIND, Health.CONNECTING)]
        unseen = {source.info.name: self._unseen(source, level, seconds) for source in blind}
        self._blind = {source.info.name for source in blind if source.health is Health.BLIND}
        excesses = set(self._excesses(session, seconds))
        for span in (level, self._whole):
            span.measured += seconds
            span.short += seconds * short
            for source in blind:
                span.add_blind(source, unseen[source.info.name])
            for excess in excesses:
                span.excess[excess] += seconds
        if any(level.marks()):
            self.doubted[step.number] = any(excess.taints for excess, _ in level.excesses())
        else:
            self.doubted.pop(step.number, None)

    def _unseen(self, source: Source, level: _Span, seconds: float) -> float:
        """Return the seconds of a level in which a blind source was not seen and that are not counted yet.

        A host that has gone silent is noticed late: what came before that was blind as well.
        """
        name = source.info.name
        if source.health is not Health.BLIND or name in self._blind:
            return seconds
        return seconds + min(source.silent, level.measured - level.blind[name])

    def _level(self, step: Step) -> _Span:
        """Return the level that is under way; those before it only change by what workers never told."""
        if step.number not in self._present:
            for ended in self._present.values():
                self._ended.add(ended)
            name = level_name(step.number, step.users)
            self._present = {step.number: self._levels.setdefault(step.number, _Span(name))}
        return self._present[step.number]

    def _look_for_workers(self, session: Session) -> None:
        """Mark the levels from a lost worker's last report on, or a lost report's; also while they ramp."""
        for since, until in [span for span in session.ledger.untold.spans if span[1] > self._looked_at]:
            for step in session.steps.values():
                if step.began.utc < until and (step.ended is None or step.ended.utc > since):
                    self._bereave(step)
            self._looked_at = max(self._looked_at, until)

    def _bereave(self, step: Step) -> None:
        name = level_name(step.number, step.users)
        level = self._levels.setdefault(step.number, _Span(name))
        if not level.bereft:
            level.bereft, level.final = True, None
            self._bereft.append(f"{name}: {BEREFT}")
        self.doubted.setdefault(step.number, False)

    def _excesses(self, session: Session, seconds: float) -> Iterator[Excess]:
        for source in session.sources.values():
            if source.info.kind == "generator":
                values = _fresh(source)
                if session.has_workers:
                    yield from judge_cockpit(values, self._limits)
                    continue
                yield from judge(values, self._limits)
                if seconds > LATE:
                    yield STOOD_STAMPED if is_stamped(values) else STOOD
            elif source.info.kind == "workers":
                yield from judge_workers(_fresh(source), self._limits)

    # -- what came of it

    def marks(self, number: int) -> tuple[str, ...]:
        """Return why a load level is not to be trusted, as sentences; none is a good sign."""
        if (level := self._levels.get(number)) is None:
            return ()
        if number in self._present:
            return tuple(level.marks())
        if level.final is None:
            level.final = tuple(level.marks())
        return level.final

    def spoiled(self, number: int) -> str:
        """Return why a load level tells nothing of the system, if so: the generator, or users missing.

        What was blind beside it does not matter here.
        """
        level = self._levels.get(number)
        return "; ".join([*(text for _, text in level.excesses()), *level.missing()]) if level else ""

    def doubts(self) -> tuple[str, ...]:
        """Return what was missing, as sentences; it takes a PASS away, but not a FAIL."""
        found: list[str] = []
        if not self.measured:
            found.append("no load level was held long enough to be measured")
        for kind, what in (("blind", _Span.blindness), ("missing", _Span.missing)):
            found += list(what(self._whole)) or self._of_levels(kind)
        found += self._of_levels("missed")
        found += _shortened(self._bereft, len(self._bereft))
        found += self._of_levels("doubted")
        return tuple(found)

    def tainted(self) -> tuple[str, ...]:
        """Return why the request figures themselves are not to be trusted, if so."""
        return tuple(self._of_levels("tainted"))

    def _of_levels(self, kind: str) -> list[str]:
        return self._ended.with_present(kind, self._present.values())


def _fresh(source: Source) -> Mapping[str, float]:
    return source.last.values if source.last is not None and source.health is not Health.BLIND else {}


def _shortened(found: Sequence[str], count: int) -> list[str]:
    more = count - MOST_TOLD
    return list(found) if more <= 1 else [*found[:MOST_TOLD], f"and {more} more of the kind"]


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} was"
    return f"{', '.join(names[:-1])} and {names[-1]} were"
