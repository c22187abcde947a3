"""Can this run be trusted?

A verdict needs data that was there, a system that stayed the same and a
generator that was not itself the bottleneck. Each measured second is looked at;
what was amiss in more than a tenth of a load level's seconds marks the level,
and a mark turns PASS into INCONCLUSIVE. What marks a level is a doubt about the run.

Only the session's items and the seconds that are given count, never a clock, so
that a session that is read back is doubted in the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from rampdeck.changes import Changes, sentences
from rampdeck.config import Config, GeneratorLimits, TrustConfig
from rampdeck.gate.sources import selects
from rampdeck.gate.threshold import Threshold
from rampdeck.health import STOOD, STOOD_STAMPED, Excess, is_stamped, judge, judge_cockpit, judge_workers
from rampdeck.levels.arrivals import shortfall
from rampdeck.model import Health, SourceInfo, Step, level_name
from rampdeck.session import Session, Source
from rampdeck.snapshot import Coverage
from rampdeck.trust.lost import Lost
from rampdeck.trust.spans import Ended, Span, shortened
from rampdeck.workers.untold import BEREFT, LET_GO

ENOUGH_USERS = 0.9
"""Share of a level's users below which it is not that level."""
LATE = 2.0
"""Seconds between two looks from which on the generator itself was stuck: they should be one apart."""


class Trust:
    """Counts the measured seconds, and those in which something was amiss, per load level and in all.

    ``unneeded`` are names of sources without which a run may pass, unless one of
    the ``thresholds`` that decide looks at them.
    """

    def __init__(
        self,
        limits: GeneratorLimits | None = None,
        rules: TrustConfig | None = None,
        *,
        unneeded: Collection[str] = (),
        thresholds: Sequence[Threshold] = (),
    ) -> None:
        self._limits = limits or GeneratorLimits()
        self._rules = rules or TrustConfig()
        self._unneeded = frozenset(unneeded)
        self._deciding = [one for one in thresholds if not one.warns]
        self._lost = Lost(thresholds)
        self._whole = Span()
        self._aside = Span()  # all levels, with the sources that are not needed
        self._levels: dict[int, Span] = {}
        self._ended = Ended()
        self._present: dict[int, Span] = {}  # those that are not in self._ended yet
        self._bereft: list[str] = []
        self._blind: set[str] = set()  # at the last look
        self._looked_at = 0.0  # up to here, what workers did not tell has marked its levels
        self._changes = Changes()
        self._changes_seen = 0
        self._sources: Mapping[str, Source] = {}
        self.doubted: dict[int, bool] = {}
        """The levels that are not to be trusted, and whether not even a failure of theirs is certain."""

    @classmethod
    def of(cls, config: Config, thresholds: Sequence[Threshold]) -> Trust:
        """Return what watches a run, or one that is read back, by its configuration."""
        return cls(config.generator, config.trust, unneeded=unneeded(config), thresholds=thresholds)

    @property
    def measured(self) -> float:
        """The measured seconds of all levels."""
        return self._whole.measured

    def observe(self, session: Session, seconds: float) -> None:
        """Look at the ``seconds`` since the last look; call it once a second."""
        step = session.step
        self._sources, self._changes = session.sources, session.changes
        measuring = step is not None and step.phase == "measure"
        self._lost.observe(session.sources.values(), measuring=measuring)
        self._look_for_workers(session)
        if step is not None and measuring:
            self._measure(session, step, seconds)
        self._look_for_changes(session)

    def _measure(self, session: Session, step: Step, seconds: float) -> None:
        level = self._level(step)
        if (book := session.book.steps.get(step.number)) is not None:
            level.missed = shortfall(book.pace.view(book.seconds))
            level.quiet.add(seconds, book.total.successes.count + book.total.failures.count)
        short = session.user_count < ENOUGH_USERS * step.users
        blind = [s for s in session.sources.values() if s.health in (Health.BLIND, Health.CONNECTING)]
        unseen = {source.info.name: self._unseen(source, level, seconds) for source in blind}
        self._blind = {source.info.name for source in blind if source.health is Health.BLIND}
        excesses = set(self._excesses(session, seconds))
        stolen = dict(self._stolen(session))
        for span in (level, self._whole):
            span.measured += seconds
            span.short += seconds * short
            for source in blind:
                if self._is_needed(source):
                    span.add_blind(source, unseen[source.info.name])
            for excess in excesses:
                span.excess[excess] += seconds
            for host, percent in stolen.items():
                span.stolen[host].add(seconds, percent)
        self._aside.measured += seconds
        for source in blind:
            if not self._is_needed(source):
                self._aside.add_blind(source, unseen[source.info.name])
        if level.changes or any(level.marks()):
            self.doubted[step.number] = any(excess.taints for excess, _ in level.excesses())
        else:
            self.doubted.pop(step.number, None)

    def _is_needed(self, source: Source) -> bool:
        if source.info.name not in self._unneeded:
            return True
        return any(selects(threshold, source.info) for threshold in self._deciding)

    def _unseen(self, source: Source, level: Span, seconds: float) -> float:
        """Return the seconds of a level in which a blind source was not seen and that are not counted yet.

        A host that has gone silent is noticed late: what came before that was blind as well.
        """
        name = source.info.name
        if source.health is not Health.BLIND or name in self._blind:
            return seconds
        return seconds + min(source.silent, level.measured - level.blind[name])

    def _level(self, step: Step) -> Span:
        """Return the level that is under way; those before it only change by what is known late."""
        if step.number not in self._present:
            for ended in self._present.values():
                self._ended.add(ended)
            self._present = {step.number: self._span(step)}
        return self._present[step.number]

    def _span(self, step: Step) -> Span:
        return self._levels.setdefault(step.number, Span(level_name(step.number, step.users)))

    def _look_for_workers(self, session: Session) -> None:
        """Mark the levels that workers told nothing of, or left by themselves; also while they ramp."""
        untold, looked_at = session.ledger.untold, self._looked_at
        for why, spans in ((BEREFT, untold.spans), (LET_GO, untold.idle)):
            for since, until in [span for span in spans if span[1] > looked_at]:
                for step in session.steps.values():
                    if step.began.utc < until and (step.ended is None or step.ended.utc > since):
                        self._bereave(step, why)
                self._looked_at = max(self._looked_at, until)

    def _bereave(self, step: Step, why: str) -> None:
        level = self._span(step)
        if why not in level.bereft:
            level.bereft.append(why)
            level.final = None
            self._bereft.append(f"{level.name}: {why}")
        self.doubted.setdefault(step.number, False)

    def _look_for_changes(self, session: Session) -> None:
        """Mark the levels in whose measured part something became another system."""
        told = self._changes.told
        new, self._changes_seen = told[self._changes_seen :], len(told)
        for change in new:
            if change.harmless:
                continue
            for step in session.steps.values():
                since, until = step.measured_from, step.ended
                if since is None or change.at < since or (until is not None and change.at >= until):
                    continue
                self._span(step).changes.append(change)
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

    def _stolen(self, session: Session) -> Iterator[tuple[str, float]]:
        """Yield the hosts of whose processor too much is taken now, and how much."""
        for source in session.sources.values():
            if source.info.kind == "host" and (taken := _fresh(source).get("steal", 0.0)) > self._rules.steal:
                yield source.info.host, taken

    # -- what came of it

    def marks(self, number: int) -> tuple[str, ...]:
        """Return why a load level is not to be trusted, as sentences; none is a good sign."""
        if (level := self._levels.get(number)) is None:
            return ()
        marks = level.final
        if marks is None:
            marks = tuple(level.marks())
            level.final = None if number in self._present else marks
        # A change may still become a graver one: what was stopped is started again.
        return (*marks, *sentences(level.changes)) if level.changes else marks

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
        changes = [change for change in self._changes.told if not change.harmless]
        found += sentences(changes, self._changes.left_out)
        for kind, what in (("blind", Span.blindness), ("missing", Span.missing), ("stolen", Span.theft)):
            found += list(what(self._whole)) or self._of_levels(kind)
        found += self._lost.doubts()
        found += self._of_levels("hung")
        found += self._of_levels("missed")
        found += shortened(self._bereft, len(self._bereft))
        found += self._of_levels("doubted")
        return tuple(found)

    def tainted(self) -> tuple[str, ...]:
        """Return why the request figures themselves are not to be trusted, if so."""
        return tuple(self._of_levels("tainted"))

    def warnings(self) -> tuple[str, ...]:
        """Return what was amiss without a weight in the verdict."""
        harmless = [change for change in self._changes.told if change.harmless]
        blind = (f"{text} (it is not needed)" for text in self._aside.blindness())
        return (*blind, *sentences(harmless))

    def coverage(self) -> tuple[Coverage, ...]:
        """Return for how many of the measured seconds each source was seen; empty without any."""
        if not self.measured:
            return ()
        blind = {**self._whole.blind, **self._aside.blind}
        return tuple(
            Coverage(name, self.measured, max(0.0, self.measured - blind.get(name, 0.0)))
            for name, source in self._sources.items()
            if source.health is not Health.ABSENT
        )

    def _of_levels(self, kind: str) -> list[str]:
        return self._ended.with_present(kind, self._present.values())


def _fresh(source: Source) -> Mapping[str, float]:
    return source.last.values if source.last is not None and source.health is not Health.BLIND else {}


def unneeded(config: Config) -> frozenset[str]:
    """Return the names of the sources that a PASS does not need."""
    words = ("kind", "host", "label")
    tables = [table for table in config.collectors if table.get("needed") is False]
    given = ({word: str(table[word]) for word in words if word in table} for table in tables)
    return frozenset(SourceInfo.of(**known).name for known in given)
