"""What statements have cost since a load level began, from two readings of pg_stat_statements.

The server's counters grow from its start, or the last reset. A reading at the
beginning of a load level (and another when its measured part begins) is what
later ones are held against. Nothing is ever reset: others look at them too.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rampdeck.model import Health, Step, Value, level_name

from ._sessions import one_line, text_of

SHOWN = 20
"""Statements in the table."""
CANDIDATES = 2 * SHOWN
"""Statements whose texts are asked for: some of them may be our own."""
MOST_TEXTS = 2_000
DEAR = 50.0
"""Percent of all the time from which one statement needs a look."""
_COLUMNS = ("calls", "rows", "blocks_hit", "blocks_read", "temp_blocks", "io_milliseconds")


@dataclass(frozen=True, slots=True)
class Reading:
    """All statements at one moment (seconds of any one clock), each column a list in the same order."""

    at: float
    place: Mapping[str, int]
    milliseconds: Sequence[float]
    columns: Mapping[str, Sequence[str]]
    hidden: int = 0
    evicted: int | None = None
    reset: object = None

    @classmethod
    def of(cls, at: float, row: Mapping[str, Any]) -> Reading:
        """Read the row of statements_*.sql; the keys of its lists are ``user database queryid``."""
        return cls(
            at=at,
            place={key: place for place, key in enumerate(_list(row["keys"]))},
            milliseconds=[float(number) for number in _list(row["milliseconds"])],
            columns={name: _list(row[name]) for name in _COLUMNS},
            hidden=row["hidden"],
            evicted=row["evicted"],
            reset=row["reset"],
        )

    def number(self, name: str, place: int | None) -> float:
        """Return a counter; 0 for a statement that was not there."""
        return 0.0 if place is None else float(self.columns[name][place])


def _list(value: bytes | str | None) -> list[str]:
    text = text_of(value)
    return text.split(",") if text else []


@dataclass(frozen=True, slots=True)
class Span:
    """What the figures are of: a load level up to its measured part, that part, or no load at all."""

    step: int = 0
    users: int = 0
    measured: bool = False

    @classmethod
    def of(cls, step: Step) -> Span:
        """Return the span that a step is in."""
        if step.phase == "done":
            return cls()
        return cls(step.number, step.users, step.phase == "measure")

    @property
    def words(self) -> str:
        """Return how a sentence names it."""
        if not self.step:
            return "without load"
        return f"{level_name(self.step, self.users)}, {'measured' if self.measured else 'ramp and settling'}"


@dataclass(frozen=True, slots=True)
class Text:
    """What a statement is, whose, and whether it is one of ours."""

    query: str
    user: str
    database: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Growth:
    """What one statement has cost since."""

    key: str
    milliseconds: float
    gained: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """What statements have cost since: those that cost most, and all but ours together."""

    most: Sequence[Growth] = ()
    milliseconds: float = 0.0
    calls: float = 0.0


class Statements:
    """The statements of the present span."""

    def __init__(self) -> None:
        self.span = Span()
        self.texts: dict[str, Text] = {}
        self._base: Reading | None = None

    @property
    def has_base(self) -> bool:
        """Whether there is a reading to hold others against."""
        return self._base is not None

    def begin(self, reading: Reading, span: Span) -> None:
        """Count from this reading on."""
        self._base, self.span = reading, span

    def was_reset(self, reading: Reading) -> bool:
        """Return whether somebody reset the counters since the span began; later readings count from then."""
        base = self._base
        if base is None:
            return False
        if base.reset is not None or reading.reset is not None:
            reset = base.reset != reading.reset
        else:
            common = base.place.keys() & reading.place.keys()
            fell = sum(
                reading.number("calls", reading.place[key]) < base.number("calls", base.place[key])
                for key in common
            )
            reset = fell > len(base.place) // 2 or (not common and len(base.place) > 1)
        if reset:
            self._base = Reading(reading.at, {}, (), {}, evicted=reading.evicted, reset=reading.reset)
        return reset

    def change(self, reading: Reading) -> Change:
        """Return what has been done since the span began.

        The figures of statements whose counters were lost in between (they fell
        out of the server's table and came back) count from then.
        """
        base = self._base
        if base is None:
            return Change()
        ours = {key for key, text in self.texts.items() if text.ours}
        cost: list[tuple[float, str]] = []
        before, calls = base.milliseconds, 0.0
        for key, now in zip(reading.place, reading.milliseconds, strict=True):
            then = base.place.get(key)
            gained = now if then is None else now - before[then]
            if gained and key not in ours:
                cost.append((now if gained < 0 else gained, key))
                called, had = reading.number("calls", reading.place[key]), base.number("calls", then)
                calls += called - had if called >= had else called
        most = [self._growth(base, reading, key, gained) for gained, key in heapq.nlargest(CANDIDATES, cost)]
        return Change(most, sum(gained for gained, _ in cost), calls)

    @staticmethod
    def _growth(base: Reading, reading: Reading, key: str, milliseconds: float) -> Growth:
        now, then = reading.place[key], base.place.get(key)
        if reading.number("calls", now) < base.number("calls", then):
            then = None
        gained = {name: reading.number(name, now) - base.number(name, then) for name in _COLUMNS}
        return Growth(key, milliseconds, gained)

    def learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take the rows of texts_*.sql."""
        if len(self.texts) > MOST_TEXTS:
            self.texts = {key: text for key, text in self.texts.items() if text.ours}
        for row in rows:
            self.texts[text_of(row["key"])] = Text(
                one_line(text_of(row["query"])),
                text_of(row["user"]),
                text_of(row["database"]),
                bool(row["ours"]),
            )

    def unknown(self, change: Change) -> list[int]:
        """Return the query ids whose texts are not known yet."""
        return sorted({int(it.key.split()[2]) for it in change.most if it.key not in self.texts})

    def table(self, reading: Reading, change: Change) -> tuple[Mapping[str, Value], ...]:
        """Return the rows: all statements together, then those that cost most."""
        base = self._base
        if base is None or (seconds := reading.at - base.at) <= 0:
            return ()
        known = [(it, text) for it in change.most if (text := self.texts.get(it.key))][:SHOWN]
        lost = (reading.evicted or 0) - (base.evicted or 0)
        note = f"; {lost} fell out of pg_stat_statements.max meanwhile" if lost > 0 else ""
        hidden = f"; {reading.hidden} more are hidden: GRANT pg_read_all_stats" if reading.hidden else ""
        work, words = change.milliseconds / seconds / 1000, self.span.words + note + hidden
        everything: dict[str, Value] = {
            "_table": "statements",
            "_step": self.span.step,
            "count": int(change.calls),
            "calls": change.calls / seconds,
            "share": 100.0 if change.milliseconds else None,
            "query": f"all: {work:.2f} s of work a second over {seconds:.0f} s, {words}",
        }
        return (everything, *(self._row(it, text, change.milliseconds, seconds) for it, text in known))

    def _row(self, it: Growth, text: Text, whole: float, seconds: float) -> dict[str, Value]:
        gained = it.gained
        calls, blocks = gained["calls"], gained["blocks_hit"] + gained["blocks_read"]
        share = 100 * it.milliseconds / whole if whole else 0.0
        return {
            "_table": "statements",
            "_step": self.span.step,
            "_statement": it.key,
            "_health": Health.WARNING if share >= DEAR else Health.LIVE,
            "count": int(calls),
            "calls": calls / seconds,
            "mean": it.milliseconds / calls if calls else None,
            "share": share,
            "rows": gained["rows"] / calls if calls else None,
            "hit": 100 * gained["blocks_hit"] / blocks if blocks else None,
            "io": 100 * min(gained["io_milliseconds"] / it.milliseconds, 1.0) if it.milliseconds else None,
            "temp": gained["temp_blocks"],
            "query": text.query,
            "user": text.user,
            "database": text.database,
        }


def absent(database: str, preloaded: str | None) -> str:
    """Return what to do where the extension is not in this database."""
    create = f"as a superuser in database {database}: CREATE EXTENSION pg_stat_statements"
    if preloaded is not None and "pg_stat_statements" in preloaded:
        return f"no statements: {create}"
    loaded = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf and a restart, then "
    return f"no statements: they need {loaded}{create}"


def notice(text: str) -> Mapping[str, Value]:
    """Return the one row of the table where there are no statements to show."""
    return {"_table": "statements", "_step": 0, "query": text}
