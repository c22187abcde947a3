"""The tables of PostgreSQL's pane about its sessions: those worth a look, and who keeps whom waiting."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rampdeck.model import Health, Value
from rampdeck.text import clean

LONG_IDLE = 5.0
"""Seconds from which a transaction that does nothing and blocks others is bad."""
LONGEST_IDLE = 30.0
"""Seconds from which it is bad in any case: it holds locks and a connection, and keeps vacuum back."""
LONG_QUERY = 5.0
"""Seconds from which a query needs a look."""
QUERY_LENGTH = 200
LONGEST = 10_000
NAME_LENGTH = 63
LONG_WAIT = 1.0
"""Seconds from which waiting for a lock is worth telling; shorter ones are how a busy server works."""
TREE_ROWS = 40
MINOR_WAITS = frozenset({"Client", "Activity", "Timeout", "Extension"})
"""Waits that are none: for the application, for work, for a clock."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session of the server; ages in seconds."""

    pid: int
    blockers: tuple[int, ...]  #: who it waits for; 0 is a prepared transaction
    shown: bool
    state: str
    wait_type: str
    wait: str
    transaction_age: float
    query_age: float
    state_age: float
    query: str
    user: str = ""
    application: str = ""
    database: str = ""
    started: float = 0.0  #: of the query, by the server's clock: with the pid, which query it is

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of sessions_*.sql; its texts are bytes."""
        return cls(
            pid=row["pid"],
            blockers=tuple(row["blockers"]),
            shown=row["shown"],
            state=text_of(row["state"]),
            wait_type=text_of(row["wait_event_type"]),
            wait=text_of(row["wait_event"]),
            transaction_age=row["transaction_age"] or 0.0,
            query_age=row["query_age"] or 0.0,
            state_age=row["state_age"] or 0.0,
            query=one_line(text_of(row["query"])),
            user=clean(text_of(row["user"]), NAME_LENGTH),
            application=clean(text_of(row["application"]), NAME_LENGTH),
            database=clean(text_of(row["database"]), NAME_LENGTH),
            started=row["query_started"] or 0.0,
        )

    @property
    def idle_in_transaction(self) -> bool:
        """Whether it holds a transaction and does nothing in it."""
        return self.state.startswith("idle in transaction")

    def idles_too_long(self, blocks: int) -> bool:
        """Whether it holds a transaction without using it for too long; ``blocks`` sessions wait for it."""
        idle = self.state_age if self.state.startswith("idle") else 0.0
        return idle > LONGEST_IDLE or (idle > LONG_IDLE and blocks > 0)

    @property
    def who(self) -> str:
        """Whose session it is, for a sentence."""
        parts = (part for part in (self.user, self.application) if part)
        return f"pid {self.pid} ({', '.join(parts)})" if self.user else f"pid {self.pid}"


@dataclass(frozen=True, slots=True)
class Lock:
    """What a session waits for; ``waited`` in seconds, ``None`` where the server does not tell (13)."""

    what: str
    waited: float | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of locks_*.sql."""
        kind, mode, relation = (text_of(row[name]) for name in ("kind", "mode", "relation"))
        place = clean(relation, NAME_LENGTH)
        if kind in ("transactionid", "tuple"):
            return cls(f"row in {place}" if place else "row", row["waited"])
        return cls(
            " ".join(part for part in (mode.removesuffix("Lock"), place or kind) if part), row["waited"]
        )


def table(sessions: Sequence[Session]) -> tuple[Mapping[str, Value], ...]:
    """Return the rows of the sessions, the oldest transaction first.

    Beside the columns a row has ``blocked_by`` (pids) and ``blocks`` (how many
    wait for it, directly or through others).
    """
    blocks = count_blocked(_waiting(sessions))
    shown = sorted((session for session in sessions if session.shown), key=lambda it: -it.transaction_age)
    return tuple(_row(session, blocks[session.pid]) for session in shown)


def _row(session: Session, blocks: int) -> dict[str, Value]:
    wait = f"{session.wait_type}:{session.wait}" if session.wait_type else ""
    if blocks:
        others = "" if session.wait_type in MINOR_WAITS else wait
        wait = f"blocks {blocks} {others}".rstrip()
    return {
        "_table": "sessions",
        "pid": str(session.pid),  # a name, not a number
        "state": session.state.replace("idle in transaction", "idle-tx"),
        "wait": wait,
        "age": session.transaction_age,
        "query": session.query,
        "user": session.user,
        "application": session.application,
        "database": session.database,
        "_started": session.started,
        "blocked_by": ", ".join(str(pid) if pid else "a prepared transaction" for pid in session.blockers),
        "blocks": blocks,
        "_health": _health(session, blocks),
    }


def _health(session: Session, blocks: int) -> Health:
    if session.idles_too_long(blocks):
        return Health.BLIND
    if session.wait_type == "Lock" or (session.state == "active" and session.query_age > LONG_QUERY):
        return Health.WARNING
    return Health.LIVE


def tree(sessions: Sequence[Session], locks: Mapping[int, Lock]) -> tuple[Mapping[str, Value], ...]:
    """Return the rows of who keeps whom waiting: each root, and below it, further in, who waits for it.

    A session that waits for several stands below the first of them. In a circle
    (a deadlock that the server has not found yet) the lowest pid stands first.
    """
    known = {session.pid: session for session in sessions}
    waiting = _waiting(sessions)
    blocks = count_blocked(waiting)
    below: defaultdict[int, list[int]] = defaultdict(list)
    for pid, holders in waiting.items():
        below[min(holders)].append(pid)
    rows: list[dict[str, Value]] = []
    seen: set[int] = set()

    def add(pid: int, depth: int) -> None:
        todo = [(pid, depth)]
        while todo:
            one, level = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            rows.append(_branch(one, level, known.get(one), locks.get(one), blocks[one]))
            todo += [(waiter, level + 1) for waiter in sorted(below[one], reverse=True)]

    for root, _ in blocks.most_common():
        add(root, 0)
    for pid in sorted(waiting):
        add(pid, 0)
    if (more := len(rows) - TREE_ROWS) > 0:
        rows[TREE_ROWS:] = [{"_table": "blocking", "pid": "", "waits_for": f"and {more} more"}]
    return tuple(rows)


def _branch(
    pid: int, level: int, session: Session | None, lock: Lock | None, blocks: int
) -> dict[str, Value]:
    name = str(pid) if pid else "prepared transaction"
    row: dict[str, Value] = {
        "_table": "blocking",
        "pid": f"{'  ' * (level - 1)}└ {name}" if level else name,
        "waits_for": f"blocks {blocks}" if blocks else "",
        "_health": Health.WARNING if level else Health.BLIND,
    }
    if session is None:
        return row
    if session.blockers:
        row["waits_for"] = lock.what if lock else f"{session.wait_type}:{session.wait}"
    waited = lock.waited if lock and lock.waited is not None else session.query_age
    return row | {
        "age": waited if session.blockers else session.transaction_age or session.state_age,
        "state": session.state.replace("idle in transaction", "idle-tx"),
        "user": session.user,
        "application": session.application,
        "database": session.database,
        "query": session.query,
        "_started": session.started,
    }


def _waiting(sessions: Iterable[Session]) -> dict[int, tuple[int, ...]]:
    return {session.pid: session.blockers for session in sessions if session.blockers}


def blocked_by(sessions: Sequence[Session], root: int) -> list[int]:
    """Return the pids that wait for a session, directly or through others."""
    waiters: defaultdict[int, set[int]] = defaultdict(set)
    for pid, holders in _waiting(sessions).items():
        for holder in holders:
            waiters[holder].add(pid)
    return sorted(_behind(root, waiters))


def count_blocked(blockers: Mapping[int, Sequence[int]]) -> Counter[int]:
    """Return how many sessions each root blocker keeps waiting, directly or through others.

    ``blockers`` says for each waiting session who it waits for. A root waits
    for nobody itself; in a deadlock there is none.
    """
    waiters: defaultdict[int, set[int]] = defaultdict(set)
    for pid, holders in blockers.items():
        for holder in holders:
            waiters[holder].add(pid)
    return Counter({root: len(_behind(root, waiters)) for root in waiters.keys() - blockers.keys()})


def _behind(root: int, waiters: Mapping[int, set[int]]) -> set[int]:
    seen: set[int] = set()
    todo = [root]
    while todo:
        new = waiters.get(todo.pop(), set()) - seen
        seen |= new
        todo.extend(new)
    return seen


_PASSWORD = re.compile(
    r"""(\bpassword\b\s*=?\s*)
        (?: [EU]?&?'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)   # the literal, or what is left of it at a cut
          | \$(\w*)\$.*?(?:\$\2\$|\Z)
          | (?<==)[^\s']+ )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


_COLUMNS = re.compile(r"\b(SELECT|RETURNING) (?:(?! FROM |SELECT |RETURNING )[^()']){60,}(?= FROM |\Z)")


def one_line(query: str) -> str:
    """Return a query as one printable line of at most 200 characters, passwords of roles left out.

    Where it is longer, lists of columns are left out first: what an ORM asks
    for says less than of which rows.
    """
    line = clean(" ".join(without_passwords(query[:LONGEST]).split()), LONGEST)
    return clean(line if len(line) <= QUERY_LENGTH else _COLUMNS.sub(r"\1 …", line), QUERY_LENGTH)


def without_passwords(text: str) -> str:
    """Return a text of the server without the passwords of roles and connections in it."""
    return _PASSWORD.sub(r"\1'…'", text)


def text_of(value: bytes | str | None) -> str:
    """Return what the server sent, whatever its encoding."""
    if isinstance(value, str):
        return value
    return value.decode(errors="replace") if value else ""
