"""What PostgreSQL's figures mean: the events that somebody should see, each with its signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampdeck.collector import Sink
from rampdeck.model import Severity
from rampdeck.pace import Change

from . import _sessions
from ._episodes import Episodes
from ._sessions import Lock, Session, blocked_by, count_blocked

HIGH = 0.8
"""Share of the usable connections from which there are many."""
_NAMED = 10
"""Pids in one sentence."""


def look_at_connections(sink: Sink, episodes: Episodes, values: dict[str, float]) -> None:
    """Tell when the connections are running out."""
    taken, usable = values["connections"], values["usable"]
    values["connections_exhausted"] = float(taken >= usable)
    values["connections_high"] = float(taken >= HIGH * usable)
    words = f"{taken:.0f} of {usable:.0f} usable connections"
    if taken >= usable:
        text = f"every connection is taken: {words}; new ones are refused"
        episodes.see(
            sink, "connections_exhausted", text, Severity.CRITICAL, what="every connection was taken"
        )
    if taken >= HIGH * usable:
        what = f"{HIGH:.0%} of the connections were taken"
        episodes.see(sink, "connections_high", f"{words} are taken", Severity.WARNING, what=what)


def look_at_hidden(sink: Sink, episodes: Episodes, hidden: float, grant: str) -> None:
    """Tell which right is missing, where sessions are hidden."""
    if hidden:
        text = f"{hidden:.0f} sessions of other roles are hidden. {grant}"
        episodes.see(sink, "hidden", text, Severity.WARNING, what="sessions were hidden")


def look_at_sessions(
    sink: Sink,
    episodes: Episodes,
    sessions: Sequence[Session],
    locks: Mapping[int, Lock],
    values: dict[str, float],
) -> None:
    """Tell of transactions that idle, and of who keeps others waiting for long."""
    waiting = {session.pid: session.blockers for session in sessions if session.blockers}
    blocks = count_blocked(waiting)
    long = [it for it in sessions if it.idle_in_transaction and it.idles_too_long(blocks[it.pid])]
    values["idle_in_transaction_long"] = float(len(long))
    for session in long:
        behind = _pids(blocked_by(sessions, session.pid))
        blocking = f", blocks {behind}" if behind else ""
        text = f"{session.who} idle in a transaction for {session.state_age:.0f} s{blocking}: {session.query}"
        fields = _fields(session) | ({"blocks": behind} if behind else {})
        what = f"{session.who} idle in a transaction"
        name, key = "idle_in_transaction_long", str(session.pid)
        episodes.see(sink, name, text, Severity.ERROR, key=key, what=what, fields=fields)
    waits = {it.pid: _waited(it, locks) for it in sessions if it.blockers}
    late = {pid: seconds for pid, seconds in waits.items() if seconds > _sessions.LONG_WAIT}
    values["lock_waits"] = float(len(late))
    if late:
        _tell_of_locks(sink, episodes, sessions, late)


def _tell_of_locks(
    sink: Sink, episodes: Episodes, sessions: Sequence[Session], late: Mapping[int, float]
) -> None:
    known = {session.pid: session for session in sessions}
    waiting = {session.pid: session.blockers for session in sessions if session.blockers}
    roots = [
        (root, behind)
        for root, _ in count_blocked(waiting).most_common(_NAMED)
        if (behind := [pid for pid in blocked_by(sessions, root) if pid in late])
    ]
    if not roots:
        text = f"{_pids(sorted(late))} wait for each other"
        episodes.see(
            sink, "lock_waits", text, Severity.ERROR, key="circle", what="sessions waited in a circle"
        )
    for root, behind in roots:
        session = known.get(root)
        who = session.who if session else "a prepared transaction"
        doing = f", {session.state} for {session.state_age:.0f} s: {session.query}" if session else ""
        longest = max(late[pid] for pid in behind)
        text = f"{who} keeps {len(behind)} waiting for {longest:.0f} s ({_pids(behind)}){doing}"
        fields = (_fields(session) if session else {}) | {"blocks": _pids(behind)}
        what = f"{who} kept others waiting"
        name, key = "lock_waits", str(root)
        episodes.see(sink, name, text, Severity.ERROR, key=key, what=what, fields=fields)


def _waited(session: Session, locks: Mapping[int, Lock]) -> float:
    lock = locks.get(session.pid)
    return session.query_age if lock is None or lock.waited is None else lock.waited


def look_at_totals(sink: Sink, episodes: Episodes, change: Change) -> None:
    """Tell what the server counted since the last reading."""
    for name, words, severity in _COUNTED:
        if count := change.count(name):
            size = f", {change.count('temp_bytes') / 1e6:.1f} MB" if name == "temp_files" else ""
            text = f"{count:.0f} {words}{size}"
            episodes.see(sink, name, text, severity, what=words, count=count)


_COUNTED = (
    ("deadlocks", "deadlocks", Severity.ERROR),
    ("temp_files", "temporary files: sorts or hashes larger than work_mem", Severity.WARNING),
    ("sessions_fatal", "sessions ended by an error", Severity.ERROR),
    ("sessions_killed", "sessions ended by an operator", Severity.WARNING),
    ("sessions_abandoned", "sessions whose client was lost", Severity.WARNING),
    (
        "checkpoints_requested",
        "checkpoints before their time: max_wal_size was reached, or somebody asked",
        Severity.WARNING,
    ),
)


def _fields(session: Session) -> dict[str, str]:
    return {
        "pid": str(session.pid),
        "user": session.user,
        "application": session.application,
        "database": session.database,
        "query": session.query,
    }


def _pids(pids: Sequence[int]) -> str:
    more = f" and {len(pids) - _NAMED} more" if len(pids) > _NAMED else ""
    return ", ".join(map(str, pids[:_NAMED])) + more
