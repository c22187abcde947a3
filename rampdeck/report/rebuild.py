"""The result of a session from its file alone: its items again, through the same session, gate and trust.

What a live run judged at a tick is judged again at that tick, so the result is
the same. A file without an end gives the result up to its last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rampdeck import __version__
from rampdeck.collector import Collector
from rampdeck.config import Config, validate
from rampdeck.errors import SessionError, UsageError
from rampdeck.facts import from_meta
from rampdeck.gate import Gate, Threshold, parse_all
from rampdeck.levels.capacity import Capacity
from rampdeck.model import Instant, SourceInfo, Step, Tick
from rampdeck.record.conclude import Judged, draft_of
from rampdeck.record.outcome import KEY as OUTCOME
from rampdeck.record.outcome import Outcome
from rampdeck.record.result import Result
from rampdeck.report import older
from rampdeck.secrets import redact
from rampdeck.secrets.shapes import HIDDEN
from rampdeck.session import Session
from rampdeck.store.reader import SessionReader
from rampdeck.store.schema import VERSION, Item
from rampdeck.store.seal import sealed
from rampdeck.trust import Trust
from rampdeck.view import Metric, View
from rampdeck.workers.crewview import KIND, METRICS, VIEW

FILE = "session.sqlite"
"""The session file in its folder."""
OTHERWISE = "judged by thresholds that were given to the report, not by those of the run"
Follow = Callable[[Item], None]


@dataclass(frozen=True)
class Kinds:
    """What is known of the kinds of sources: their panes, and every metric by its name in a threshold."""

    views: Mapping[str, View] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @classmethod
    def of(cls, collectors: Mapping[str, type[Collector]]) -> Kinds:
        """Return what collectors say of themselves; the workers are a source too."""
        views = {kind: collector.view for kind, collector in collectors.items()}
        told = {kind: collector.metrics for kind, collector in collectors.items()} | {KIND: METRICS}
        metrics = {f"{kind}.{metric.name}": metric for kind, those in told.items() for metric in those}
        return cls({**views, KIND: VIEW}, metrics)


@dataclass(frozen=True)
class Rebuilt:
    """The result of a session, the session itself as it was at its end, and how its run came out."""

    result: Result
    session: Session
    outcome: Outcome


def file_of(path: Path) -> Path:
    """Return the session file that a path names, the file itself or its folder, whole as the run names it.

    Raises :class:`SessionError` for a folder without one.
    """
    path = path.absolute()
    if not path.is_dir():
        return path
    if not (path / FILE).exists():
        raise SessionError(f"{path} is no session", f"there is no {FILE} in it", "Name a session's folder")
    return path / FILE


def rebuild(
    path: Path,
    kinds: Kinds,
    thresholds: Sequence[str] = (),
    follow: Callable[[Gate], Follow] = lambda _: lambda _: None,
) -> Rebuilt:
    """Return the result of a session file; ``thresholds`` take the place of those that it was judged by.

    What ``follow`` returns is given every item too, in their order. Raises
    :class:`SessionError` for a file that cannot be read, :class:`UsageError` for a threshold.
    """
    with SessionReader(path) as reader:
        known = _Known(reader)
        judged_by = known.thresholds(kinds.metrics, thresholds)
        gate = Gate(judged_by, kinds.metrics, known.settings.gate.warn_at)
        replay = _Replay(kinds.views, gate, known.settings, known.began)
        sums = reader.sums()
        judged_names, also = _names_of(gate.thresholds), follow(gate)
        for item in reader.what_is_judged(judged_names) if sums else known.items():
            replay.take(item)
            also(item)
        if sums:
            sums.restore(replay.session)
        outcome = known.outcome()
        read = {source.info.kind for source in replay.session.sources.values()}
        other = [OTHERWISE] if thresholds else []
        warnings = [*other, *known.warnings, *_unknown(read - set(kinds.views))]
        cut_off, sha256, unsealed = None, "", ""
        if reader.finished:
            sha256, unsealed = sealed(path)
        else:
            cut_off = replay.at
        judged = Judged(
            session=replay.session,
            gate=gate,
            trust=replay.trust,
            capacity=Capacity(replay.session, gate, replay.trust, outcome.target),
            outcome=outcome,
            title=known.text("title"),
            host=known.text("host"),
            file=path,
            release=known.settings.release,
            meta=reader.meta,
            facts=from_meta(reader.meta.get("facts")),
            warnings=(*warnings, *filter(None, [unsealed])),
            sha256=sha256,
            cut_off=cut_off,
        )
    return Rebuilt(draft_of(judged, outcome.closed or replay.at).finished(), replay.session, outcome)


class _Replay:
    """Does at each tick what the live run did; ``at`` is the last moment that the file tells of."""

    def __init__(self, views: Mapping[str, View], gate: Gate, settings: Config, began: Instant) -> None:
        self.session = Session(views, lambda _: None, clean=lambda item: item)
        self.session.book.glanced = False
        self.trust = Trust.of(settings, gate.thresholds)
        self.at = began
        self._gate = gate
        self._gate.doubted = self.trust.doubted
        self._gate.attach(self.session)
        self._looked = began.mono

    def take(self, item: Item) -> None:
        """Take in the next item."""
        if isinstance(item, Tick):  # the session itself draws trends of it, which nobody sees here
            if item.beat:
                self.trust.observe(self.session, item.at.mono - self._looked)
                self._looked = item.at.mono
            self._gate.observe(item.at, self.session)
        else:
            self.session.append(item)
        if not isinstance(item, Step | SourceInfo):
            self.at = item.at


class _Known:
    """What a file says of its session as a whole."""

    def __init__(self, reader: SessionReader) -> None:
        self._reader = reader
        self._meta = reader.meta
        self._older = older.Ending() if reader.version < VERSION else None
        self.settings = self._settings()
        self.began = self._moment("began")
        self.warnings = self._warnings()

    def items(self) -> Iterable[Item]:
        """Yield its items; of an older file with the ticks that it does not have."""
        items = self._reader.items()
        return items if self._older is None else self._older.ticked(items)

    def outcome(self) -> Outcome:
        """Return how the run came out, as far as its items do not tell; to be called after these."""
        if self._older is not None:
            closed = self._meta.get("ended")
            end = None if closed is None else self.began.plus(closed - self.began.utc)
            return self._older.outcome(self.settings, self._meta.get("arguments", ()), end)
        try:
            return Outcome.of_meta(self._meta.get(OUTCOME) or Outcome().to_meta())
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"how it came out is damaged ({type(error).__name__}: {error})") from error

    def thresholds(self, metrics: Mapping[str, Metric], given: Sequence[str]) -> tuple[Threshold, ...]:
        """Return what is ``given``, or else what it was judged by; raises :class:`UsageError`.

        A name that lost a secret in the file is found again by the rest of it.
        """
        if given:
            stages = [stage.name for stage in self.settings.stages if not stage.warmup] + [
                step.stage for step in self._reader.steps() if step.stage and not step.warmup
            ]
            return parse_all(given, metrics, stages, self._reader.sources())
        stored = self._meta.get("thresholds")
        if stored is None:
            return parse_all(self.settings.gate.thresholds or (), metrics)
        names = {name for _, name in self._reader.request_names()}
        return parse_all(dict.fromkeys("".join(_with_name(parts, names)) for parts in stored), metrics)

    def text(self, key: str) -> str:
        """Return a text of its meta, empty if it has none."""
        return str(self._meta.get(key, ""))

    def _warnings(self) -> list[str]:
        wrote = self.text("rampdeck")
        found = [f"recorded by Rampdeck {wrote}, judged by {__version__}"] if wrote != __version__ else []
        return found if self._older is None else [*found, self._older.warning(self._reader.version)]

    def _moment(self, key: str) -> Instant:
        try:
            return Instant(**self._meta[key])
        except (KeyError, TypeError) as error:
            raise self._damaged(f"when it {key} is not in it") from error

    def _settings(self) -> Config:
        """Return its configuration; what was hidden in it is left out, for none of it judges anything."""
        if "config" not in self._meta:
            raise self._damaged("its configuration is not in it")
        try:
            return validate(Config, _seen(self._meta["config"]), "its configuration")
        except UsageError as error:
            fix = f"Read it with the Rampdeck that wrote it, {self.text('rampdeck')}"
            raise SessionError(f"cannot read {self._reader.path}", str(error), fix) from error

    def _damaged(self, why: str) -> SessionError:
        return SessionError(f"cannot read {self._reader.path}", why)


def _names_of(thresholds: Sequence[Threshold]) -> Callable[[str, str], bool]:
    """Return whether any of the thresholds looks at requests of a method and a name by themselves."""
    asked = [(one.method, one.name) for one in thresholds if one.method or one.name]
    return lambda method, name: any(m in ("", method) and n in ("", name) for m, n in asked)


def _unknown(kinds: Collection[str]) -> list[str]:
    return [
        f"there is no collector of the kind {kind} here: its tables are left out" for kind in sorted(kinds)
    ]


def _seen(value: Any) -> Any:
    """Return a configuration without the keys whose value was hidden: a host may be called ``auth``."""
    if isinstance(value, Mapping):
        return {key: _seen(part) for key, part in value.items() if part != HIDDEN}
    if isinstance(value, list):
        return [_seen(part) for part in value]
    return value


def _with_name(parts: Sequence[str], names: Collection[str]) -> Sequence[str]:
    """Return the parts of a threshold with the request name as it stands in the file."""
    if len(parts) < 3 or parts[1] in names:
        return parts
    alike = [name for name in names if redact(name) == parts[1]]
    return (parts[0], alike[0], parts[2]) if len(alike) == 1 else parts
