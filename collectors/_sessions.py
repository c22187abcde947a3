"""The table of PostgreSQL's pane: the sessions worth a look, and who keeps whom waiting."""

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

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of sessions_*.sql; its texts are bytes."""
        return cls(
            pid=row["pid"],
            blockers=tuple(row["blockers"]),
            shown=row["shown"],
            state=_text(row["state"]),
            wait_type=_text(row["wait_event_type"]),
            wait=_text(row["wait_event"]),
            transaction_age=row["transaction_age"] or 0.0,
            query_age=row["query_age"] or 0.0,
            state_age=row["state_age"] or 0.0,
            query=one_line(_text(row["query"])),
        )


def table(sessions: Iterable[Session]) -> tuple[Mapping[str, Value], ...]:
    """Return the pane's rows, the oldest transaction first.

    Beside the columns a row has ``blocked_by`` (pids) and ``blocks`` (how many
    wait for it, directly or through others).
    """
    found = list(sessions)
    blocks = count_blocked({session.pid: session.blockers for session in found if session.blockers})
    shown = sorted((session for session in found if session.shown), key=lambda it: -it.transaction_age)
    return tuple(_row(session, blocks[session.pid]) for session in shown)


def _row(session: Session, blocks: int) -> dict[str, Value]:
    wait = f"{session.wait_type}:{session.wait}" if session.wait_type else ""
    if blocks:
        others = "" if session.wait_type in MINOR_WAITS else wait
        wait = f"blocks {blocks} {others}".rstrip()
    return {
        "pid": str(session.pid),  # a name, not a number
        "state": session.state.replace("idle in transaction", "idle-tx"),
        "wait": wait,
        "age": session.transaction_age,
        "query": session.query,
        "blocked_by": ", ".join(str(pid) if pid else "a prepared transaction" for pid in session.blockers),
        "blocks": blocks,
        "_health": _health(session, blocks),
    }


def _health(session: Session, blocks: int) -> Health:
    idle = session.state_age if session.state.startswith("idle") else 0.0
    if idle > LONGEST_IDLE or (idle > LONG_IDLE and blocks):
        return Health.BLIND
    if session.wait_type == "Lock" or (session.state == "active" and session.query_age > LONG_QUERY):
        return Health.WARNING
    return Health.LIVE


def count_blocked(blockers: Mapping[int, Sequence[int]]) -> Counter[int]:
    """Return how many sessions each root blocker keeps waiting, directly or through others.

    ``blockers`` says for each waiting session who it waits for. A root waits
    for nobody itself; in a deadlock there is none.
    """
    waiters: defaultdict[int, set[int]] = defaultdict(set)
    for pid, holders in blockers.items():
        for holder in holders:
            waiters[holder].add(pid)
    counts: Counter[int] = Counter()
    for root in waiters.keys() - blockers.keys():
        seen: set[int] = set()
        todo = [root]
        while todo:
            new = waiters.get(todo.pop(), set()) - seen
            seen |= new
            todo.extend(new)
        counts[root] = len(seen)
    return counts


_PASSWORD = re.compile(
    r"""(\bpassword\b\s*=?\s*)
        (?: [EU]?&?'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)   # the literal, or what is left of it at a cut
          | \$(\w*)\$.*?(?:\$\2\$|\Z)
          | (?<==)[^\s']+ )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def one_line(query: str) -> str:
    """Return a query as one printable line of at most 200 characters, passwords of roles left out."""
    return clean(" ".join(_PASSWORD.sub(r"\1'…'", query).split()), QUERY_LENGTH)


def _text(value: bytes | None) -> str:
    return value.decode(errors="replace") if value else ""
