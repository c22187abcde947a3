"""The readings of one session with PostgreSQL: what is asked when, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rampdeck.collector import Sink
from rampdeck.model import Health, Value
from rampdeck.pace import Change, Counters
from rampdeck.text import clean

from ._postgres_reader import Reader
from ._postgres_session import QueryCanceled
from ._postgres_signals import COUNTED, HIGH, RULES, late_ones, of_connections, of_sessions, of_totals
from ._sessions import NAME_LENGTH, Lock, Session, table, text_of, tree
from ._statements import Span, Statements
from ._states import Alarm, States

CONNECTIONS_EVERY = 2
"""Readings from one look at who holds the connections to the next."""
DATABASES_EVERY = 5
STATEMENTS_PAUSE = 5.0
"""Seconds between looks at what statements cost, at least."""
STATEMENTS_SHARE = 0.005
"""Share of the time that these looks may take: the more statements there are, the rarer they become."""
LOOK_AGAIN = 30.0
"""Seconds after which what statements cost is asked for again where it could not be had."""
AFTER_A_TURN = 2.0
"""Seconds after which the first figures of a load level are shown."""
QUERIES_KEPT = 100

Rows = tuple[Mapping[str, Value], ...]


class Memory:
    """What outlives a session with the server: a new one goes on from there."""

    def __init__(self) -> None:
        self.started: datetime | None = None
        self.states = States(RULES)
        self.statements = Statements()
        self.queries: dict[tuple[str, float], Mapping[str, Any]] = {}
        """The rows of sessions by pid and start of the query, for their whole texts."""


class Readings:
    """Reads the counts each second, and the rest now and then."""

    def __init__(self, reader: Reader, memory: Memory, sink: Sink) -> None:
        self._reader = reader
        self._memory = memory
        self._sink = sink
        self._counters = Counters()
        self._databases: dict[str, Counters] = {}
        self._clock = asyncio.get_running_loop().time
        self._number = 0
        self._transactions = 0
        self._due = 0.0
        self._tried: Span | None = None
        self._statements: Rows = ()
        self._alarms: list[Alarm] = []

    async def second(self, span: Span) -> None:
        """Read, and hand over a sample."""
        await self.statements(span)
        values = await self._counts()
        try:
            rows = await self._tables(values)
        except QueryCanceled:
            # What was counted is counted once: the next reading tells only what came after it.
            self._sink.sample(values)
            raise
        self._number += 1
        self._alarms += of_connections(values, self._reader.grant)
        if values["hidden"]:
            self._sink.warn(f"other roles' sessions are hidden. {self._reader.grant}")
        else:
            self._sink.live()
        counts = self._memory.states.read(self._clock(), self._alarms, self._sink)
        self._sink.sample(counts | values, rows + self._statements)
        self._statements = ()
        self._alarms.clear()

    async def _tables(self, values: dict[str, float]) -> Rows:
        rows: Rows = ()
        if self._number % CONNECTIONS_EVERY == 0:
            rows += _connections(await self._reader.ask("connections"), values)
        if self._number % DATABASES_EVERY == 0:
            rows += self._of_databases(await self._reader.ask("databases"))
        return await self._sessions(values) + rows

    async def statements(self, span: Span) -> None:
        """Read what statements cost if it is time or the load level has turned, for the next sample."""
        began, known = self._clock(), self._memory.statements
        turned = span != known.span
        if began < self._due and (not turned or span == self._tried):
            return
        self._tried, self._due = span, began + LOOK_AGAIN
        reading = await self._reader.statements(began)
        if reading is None:
            self._statements = self._reader.no_statements
            return
        await asyncio.sleep(0)  # thousands of statements take some ms to read, and some to compare
        if known.was_reset(reading):
            text = "pg_stat_statements was reset by somebody: what statements cost counts from then"
            self._alarms.append(Alarm("statements_reset", text))
        change = known.change(reading)
        if (unknown := known.unknown(change)) or not known.has_base:
            known.learn(await self._reader.texts(unknown))
            change = known.change(reading)
        self._statements += known.table(reading, change)
        pause = (self._clock() - began) / STATEMENTS_SHARE
        if turned or not known.has_base:
            known.begin(reading, span)
            self._due = began + AFTER_A_TURN
        else:
            self._due = began + max(STATEMENTS_PAUSE, pause)

    async def _counts(self) -> dict[str, float]:
        (activity,) = await self._reader.ask("activity")
        (totals,) = await self._reader.ask("totals")
        values = _of_activity(activity)
        self._look_for_restart(activity["started"])
        change = self._counters.read(self._clock(), {name: float(it or 0) for name, it in totals.items()})
        own, self._transactions = self._reader.transactions - self._transactions, self._reader.transactions
        if change is not None:
            values |= _of_totals(change, own)
            # Our own are in the server's counts a little later than they are made.
            ours = min(self._reader.rollbacks, change.count("rollbacks"))
            self._reader.rollbacks -= int(ours)
            values["rollbacks"] -= ours / change.seconds
            self._alarms += of_totals(change)
        return values

    def _look_for_restart(self, started: datetime) -> None:
        before, self._memory.started = self._memory.started, started
        if before is not None and before != started:
            self._alarms.append(Alarm("restarted", "PostgreSQL was restarted: every session was ended"))

    async def _sessions(self, values: dict[str, float]) -> Rows:
        found = await self._reader.ask("sessions")
        sessions = [Session.of(row) for row in found]
        self._remember(found, sessions)
        waiting = [session.pid for session in sessions if session.blockers]
        locks: dict[int, Lock] = {}
        if waiting:
            locks = {row["pid"]: Lock.of(row) for row in await self._reader.ask("locks", waiting)}
        values["lock_waits"] = float(len(late_ones(sessions, locks)))
        self._alarms += of_sessions(sessions, locks)
        return table(sessions) + tree(sessions, locks)

    def _remember(self, found: Sequence[Mapping[str, Any]], sessions: Sequence[Session]) -> None:
        queries = self._memory.queries
        for row, session in zip(found, sessions, strict=True):
            if row["query"]:
                key = (str(session.pid), session.started)
                queries.pop(key, None)
                queries[key] = row
        for key in list(queries)[:-QUERIES_KEPT]:
            del queries[key]

    def _of_databases(self, found: Sequence[Mapping[str, Any]]) -> Rows:
        now = self._clock()
        rows: list[Mapping[str, Value]] = []
        for row in found:
            name = clean(text_of(row["database"]), NAME_LENGTH)
            totals = {key: float(row[key] or 0) for key in _DATABASE_TOTALS}
            change = self._databases.setdefault(name, Counters()).read(now, totals)
            if change is not None:
                rows.append(_database(name, row["sessions"], change))
        return tuple(rows)


# ------------------------------------------------------------------ figures and rows

_DATABASE_TOTALS = ("commits", "rollbacks", "deadlocks", "temp_bytes", "blocks_hit", "blocks_read")
_ACTIVITY = (
    "connections",
    "usable",
    "hidden",
    "active",
    "idle",
    "idle_in_transaction",
    "waiting",
    "lock_waiting",
    "io_waiting",
    "lwlock_waiting",
)


def _of_activity(row: Mapping[str, Any]) -> dict[str, float]:
    values = {name: float(row[name]) for name in _ACTIVITY}
    for name in ("longest_transaction", "longest_query"):
        values[name] = max(float(row[name] or 0), 0.0)
    return values


def _of_totals(change: Change, own: int) -> dict[str, float]:
    """Return what happened since the last reading; ``own`` transactions of it were ours."""
    values = {
        "commits": max(change.rate("commits") - own / change.seconds, 0.0),
        "rollbacks": change.rate("rollbacks"),
        "temp_bytes": change.rate("temp_bytes"),
        "checkpoints": change.count("checkpoints_timed"),
    }
    values |= {name: change.count(name) for name, _ in COUNTED if name in change.gained}
    if (hit := change.share("blocks_hit", "blocks_read")) is not None:
        values["cache_hit"] = hit
    return values


def _connections(found: Sequence[Mapping[str, Any]], values: Mapping[str, float]) -> Rows:
    """Return the rows of who holds the connections: all together, then by user, application and database.

    ``found`` has only the largest groups of these, so all together are those of ``values``.
    """
    counted, usable = ("connections", "active", "idle", "idle_in_transaction"), values["usable"]
    rows: list[Mapping[str, Value]] = []
    for row in found:
        counts = {name: int(row[name]) for name in counted}
        share = counts["connections"] / usable if usable else 1.0
        names = {name: clean(text_of(row[name]), NAME_LENGTH) for name in ("user", "application", "database")}
        rows.append(
            {
                "_table": "connections",
                "_health": Health.WARNING if share >= HIGH else Health.LIVE,
                **names,
                **counts,
                "share": 100 * share,
                "longest_idle": row["longest_idle"],
            }
        )
    whole: dict[str, Value] = {name: int(values[name]) for name in counted}
    share = 100 * values["connections"] / usable if usable else 100.0
    return ({"_table": "connections", "user": "all", **whole, "share": share}, *rows)


def _database(name: str, sessions: int, change: Change) -> Mapping[str, Value]:
    return {
        "_table": "databases",
        "database": name,
        "sessions": sessions,
        "commits": change.rate("commits"),
        "rollbacks": change.rate("rollbacks"),
        "hit": change.share("blocks_hit", "blocks_read"),
        "temp_bytes": change.rate("temp_bytes"),
        "deadlocks": change.count("deadlocks"),
        "_health": Health.WARNING if change.count("deadlocks") else Health.LIVE,
    }
