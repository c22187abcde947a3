"""What PostgreSQL's figures mean: the states that somebody should see, each with its signal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rampdeck.model import Severity
from rampdeck.pace import Change

from . import _sessions
from ._sessions import Lock, Session, blocked_by, count_blocked
from ._states import Alarm, Rule

HIGH = 0.8
"""Share of the usable connections from which there are many."""
_NAMED = 10
"""Pids in one sentence."""

RULES: Mapping[str, Rule] = {
    "connections_high": Rule("80 % or more of the usable connections are taken"),
    "connections_exhausted": Rule(
        "every usable connection is taken, new ones are refused", Severity.CRITICAL
    ),
    "idle_in_transaction_long": Rule(
        "sessions idle in a transaction for over 30 s, or over 5 s while others wait for them", Severity.ERROR
    ),
    "lock_waits": Rule("sessions that keep others waiting for a lock for over 1 s", Severity.ERROR),
    "deadlocks": Rule("deadlocks in all databases since the last reading", Severity.ERROR),
    "temp_files": Rule("temporary files since the last reading: sorts or hashes larger than work_mem"),
    "sessions_fatal": Rule("sessions ended by an error since the last reading", Severity.ERROR),
    "sessions_killed": Rule("sessions ended by an operator since the last reading"),
    "sessions_abandoned": Rule("sessions whose client was lost since the last reading"),
    "checkpoints_requested": Rule(
        "checkpoints before their time since the last reading: max_wal_size was reached, or somebody asked"
    ),
    "hidden": Rule(
        "sessions of other roles that this one may not see", name="sessions of other roles hidden"
    ),
    "restarted": Rule("the server was restarted: every session was ended", lasts=False),
    "statements_reset": Rule("somebody reset pg_stat_statements", lasts=False),
}
"""The signals of PostgreSQL; those of counts are metrics with that count."""

COUNTED = (
    ("deadlocks", "deadlocks"),
    ("temp_files", "temporary files: sorts or hashes larger than work_mem"),
    ("sessions_fatal", "sessions ended by an error"),
    ("sessions_killed", "sessions ended by an operator"),
    ("sessions_abandoned", "sessions whose client was lost"),
    ("checkpoints_requested", "checkpoints ahead of time: max_wal_size was reached, or somebody asked"),
)
"""Totals of the server that are worth telling when they grow, and in what words."""
_PLURAL = re.compile(r"s\b")


def of_connections(values: Mapping[str, float], grant: str) -> Iterator[Alarm]:
    """Tell when the connections are running out, and when some cannot be seen."""
    taken, usable, hidden = values["connections"], values["usable"], values["hidden"]
    words = f"{taken:.0f} of {usable:.0f} usable connections"
    if taken >= usable:
        text = f"every connection is taken, new ones are refused: {words}"
        yield Alarm("connections_exhausted", text, taken)
    if taken >= HIGH * usable:
        yield Alarm("connections_high", f"{words} are taken", taken, tell=taken < usable)
    if hidden:
        yield Alarm("hidden", f"{hidden:.0f} sessions of other roles are hidden. {grant}", hidden)


def of_totals(change: Change) -> Iterator[Alarm]:
    """Tell what the server counted since the last reading."""
    for name, words in COUNTED:
        if count := change.count(name):
            size = f", {change.count('temp_bytes') / 1e6:.1f} MB" if name == "temp_files" else ""
            those = _PLURAL.sub("", words, count=1) if count == 1 else words
            yield Alarm(name, f"{count:.0f} {those}{size}", count)


def of_sessions(sessions: Sequence[Session], locks: Mapping[int, Lock]) -> Iterator[Alarm]:
    """Tell of transactions that idle, and of who keeps others waiting for long."""
    blocks = count_blocked({session.pid: session.blockers for session in sessions if session.blockers})
    for session in sessions:
        if session.idle_in_transaction and session.idles_too_long(blocks[session.pid]):
            behind = _pids(blocked_by(sessions, session.pid))
            blocking = f", blocks {behind}" if behind else ""
            idle = f"{session.who} idle in a transaction for {session.state_age:.0f} s"
            text = f"{idle}{blocking}: {session.query}"
            fields = _fields(session, behind)
            name, age = "idle_in_transaction_long", session.state_age
            yield Alarm(name, text, age, " s", subject=f"pid {session.pid}", fields=fields)
    if late := late_ones(sessions, locks):
        yield from _of_locks(sessions, late, [root for root, _ in blocks.most_common(_NAMED)])


def late_ones(sessions: Sequence[Session], locks: Mapping[int, Lock]) -> dict[int, float]:
    """Return the pids that have waited long for a lock, with how long."""
    waited = {session.pid: session.query_age for session in sessions if session.blockers}
    for pid, lock in locks.items():
        if pid in waited and lock.waited is not None:
            waited[pid] = lock.waited
    return {pid: seconds for pid, seconds in waited.items() if seconds > _sessions.LONG_WAIT}


def _of_locks(
    sessions: Sequence[Session], late: Mapping[int, float], roots: Sequence[int]
) -> Iterator[Alarm]:
    known = {session.pid: session for session in sessions}
    if not roots:
        text = f"{_pids(sorted(late))} wait for each other"
        yield Alarm("lock_waits", text, max(late.values()), " s", subject="a circle")
    for root in roots:
        behind = [pid for pid in blocked_by(sessions, root) if pid in late]
        if not behind:
            continue
        session, longest = known.get(root), max(late[pid] for pid in behind)
        who, doing, fields = "a prepared transaction", "", {"blocks": _pids(behind)}
        if session is not None:
            who, fields = session.who, _fields(session, _pids(behind))
            doing = f", {session.state} for {session.state_age:.0f} s: {session.query}"
        text = f"{who} keeps {len(behind)} waiting for {longest:.0f} s ({_pids(behind)}){doing}"
        subject = f"pid {root}" if root else who
        yield Alarm("lock_waits", text, longest, " s", subject=subject, fields=fields)


def _fields(session: Session, behind: str) -> dict[str, str]:
    fields = {
        "pid": str(session.pid),
        "user": session.user,
        "application": session.application,
        "database": session.database,
        "query": session.query,
        "blocks": behind,
    }
    return {name: value for name, value in fields.items() if value}


def _pids(pids: Sequence[int]) -> str:
    more = f" and {len(pids) - _NAMED} more" if len(pids) > _NAMED else ""
    return ", ".join(map(str, pids[:_NAMED])) + more
