"""What the PostgreSQL collector has to show: its metrics and its pane."""

from __future__ import annotations

from rampdeck.view import Action, Column, Figure, Metric, Table, Unit, View

from ._postgres_signals import RULES

METRICS = (
    Metric("connections", Unit.COUNT, "client sessions on the whole server, without this one", most="usable"),
    Metric("usable", Unit.COUNT, "sessions that ordinary roles can have beside this one"),
    Metric("active", Unit.COUNT, "sessions that run a query"),
    Metric("idle", Unit.COUNT, "sessions that do nothing; often workers that keep their connection"),
    Metric("idle_in_transaction", Unit.COUNT, "sessions that hold a transaction and do nothing in it"),
    Metric("waiting", Unit.COUNT, "active sessions that wait for a lock, the disk or another session"),
    Metric("lock_waiting", Unit.COUNT, "sessions that wait for a lock another one holds"),
    Metric("io_waiting", Unit.COUNT, "active sessions that wait for the disk"),
    Metric("lwlock_waiting", Unit.COUNT, "active sessions that wait for each other inside the server"),
    Metric("longest_transaction", Unit.SECONDS, "age of the oldest transaction"),
    Metric("longest_query", Unit.SECONDS, "age of the oldest query that still runs"),
    Metric("commits", Unit.PER_SECOND, "transactions committed in all databases, this session's aside"),
    Metric("rollbacks", Unit.PER_SECOND, "transactions rolled back in all databases"),
    Metric("temp_bytes", Unit.BYTES_PER_SECOND, "written to temporary files"),
    Metric("cache_hit", Unit.PERCENT, "blocks found in shared buffers; missing while none was asked for"),
    Metric("checkpoints", Unit.COUNT, "checkpoints begun in time since the last reading"),
    *(Metric(name, Unit.COUNT, f"{rule.help}; also an event") for name, rule in RULES.items()),
)

_SESSIONS = Table(
    "sessions",
    "Sessions",
    (
        Column("pid", "PID", width=7),
        Column("state", "STATE", width=8),
        Column("wait", "WAIT", width=18),
        Column("age", "AGE", Unit.SECONDS, 6),
        Column("query", "QUERY"),
    ),
)
_BLOCKING = Table(
    "blocking",
    "Blocking",
    (
        Column("pid", "PID", width=12),
        Column("waits_for", "WAITS FOR", width=22),
        Column("age", "AGE", Unit.SECONDS, 6),
        Column("state", "STATE", width=8),
        Column("application", "APPLICATION", width=12),
        Column("query", "QUERY"),
    ),
)
_STATEMENTS = Table(
    "statements",
    "Statements",
    (
        Column("calls", "CALLS/S", Unit.PER_SECOND, 8),
        Column("mean", "MEAN", Unit.MILLISECONDS, 8),
        Column("share", "SHARE", Unit.PERCENT, 6),
        Column("rows", "ROWS", Unit.COUNT, 6),
        Column("hit", "HIT", Unit.PERCENT, 5),
        Column("io", "DISK", Unit.PERCENT, 5),
        Column("temp", "TEMP", Unit.COUNT, 6),
        Column("query", "QUERY"),
    ),
    kept=True,
    per_step=True,
)
_CONNECTIONS = Table(
    "connections",
    "Connections",
    (
        Column("user", "USER", width=12),
        Column("application", "APPLICATION", width=16),
        Column("database", "DATABASE", width=12),
        Column("connections", "ALL", Unit.COUNT, 5),
        Column("share", "USABLE", Unit.PERCENT, 6),
        Column("active", "ACTIVE", Unit.COUNT, 6),
        Column("idle", "IDLE", Unit.COUNT, 5),
        Column("idle_in_transaction", "IDLE-TX", Unit.COUNT, 7),
        Column("longest_idle", "IDLE FOR", Unit.SECONDS, 8),
    ),
    kept=True,
)
_DATABASES = Table(
    "databases",
    "Databases",
    (
        Column("database", "DATABASE", width=16),
        Column("sessions", "SESSIONS", Unit.COUNT, 8),
        Column("commits", "COMMITS", Unit.PER_SECOND, 8),
        Column("rollbacks", "ROLLBACKS", Unit.PER_SECOND, 9),
        Column("hit", "HIT", Unit.PERCENT, 5),
        Column("temp_bytes", "TEMP", Unit.BYTES_PER_SECOND, 8),
        Column("deadlocks", "DEADLOCKS", Unit.COUNT, 9),
    ),
    kept=True,
)
_PLAN = "EXPLAIN: how the server goes about this statement"
_ANALYZE = "EXPLAIN ANALYZE: run the statement once more, and time it"
_RUN_IT = (
    "EXPLAIN ANALYZE runs the statement once more on the server, read only, for 5 s at the most, and rolls "
    "it back; meanwhile nothing else is read. Run it?"
)
VIEW = View(
    title="pg_stat_activity",
    figures=(
        (
            Figure("connections", "backends", limit="usable", warn=0.8, bad=0.95),
            Figure("active", "active"),
            Figure("idle_in_transaction", "idle-tx"),
            Figure("waiting", "waiting"),
        ),
        (Figure("active", "active", spark=True),),
    ),
    tables=(_SESSIONS, _BLOCKING, _STATEMENTS, _CONNECTIONS, _DATABASES),
    actions=(
        Action("plan", "e", "Explain", _PLAN, ("sessions", "blocking", "statements")),
        Action("analyze", "E", "Analyze", _ANALYZE, ("sessions", "blocking"), _RUN_IT),
    ),
)
