"""What the PostgreSQL collector has to show: its metrics and its pane."""

from __future__ import annotations

from rampdeck.view import Action, Column, Figure, Metric, Table, Unit, View

METRICS = (
    Metric("connections", Unit.COUNT, "client sessions on the whole server, without this one"),
    Metric("usable", Unit.COUNT, "sessions that ordinary roles can have beside this one"),
    Metric("active", Unit.COUNT, "sessions that run a query"),
    Metric("idle", Unit.COUNT, "sessions that do nothing; often workers that keep their connection"),
    Metric("idle_in_transaction", Unit.COUNT, "sessions that hold a transaction and do nothing in it"),
    Metric("waiting", Unit.COUNT, "active sessions that wait for a lock, the disk or another session"),
    Metric("lock_waiting", Unit.COUNT, "sessions that wait for a lock another one holds"),
    Metric("io_waiting", Unit.COUNT, "active sessions that wait for the disk"),
    Metric("lwlock_waiting", Unit.COUNT, "active sessions that wait for each other inside the server"),
    Metric("hidden", Unit.COUNT, "sessions of other roles that this one may not see; signal"),
    Metric("longest_transaction", Unit.SECONDS, "age of the oldest transaction"),
    Metric("longest_query", Unit.SECONDS, "age of the oldest query that still runs"),
    Metric("commits", Unit.PER_SECOND, "transactions committed in all databases, this session's aside"),
    Metric("rollbacks", Unit.PER_SECOND, "transactions rolled back in all databases"),
    Metric("deadlocks", Unit.COUNT, "deadlocks in all databases since the last reading; signal"),
    Metric(
        "temp_files", Unit.COUNT, "temporary files since the last reading: sorts larger than work_mem; signal"
    ),
    Metric("temp_bytes", Unit.BYTES_PER_SECOND, "written to temporary files"),
    Metric("cache_hit", Unit.PERCENT, "blocks found in shared buffers; missing while none was asked for"),
    Metric("checkpoints", Unit.COUNT, "checkpoints begun in time since the last reading"),
    Metric(
        "checkpoints_requested", Unit.COUNT, "checkpoints before their time since the last reading; signal"
    ),
    Metric("sessions_fatal", Unit.COUNT, "sessions ended by an error since the last reading (14 on); signal"),
    Metric(
        "sessions_killed", Unit.COUNT, "sessions ended by an operator since the last reading (14 on); signal"
    ),
    Metric(
        "sessions_abandoned",
        Unit.COUNT,
        "sessions whose client was lost since the last reading (14 on); signal",
    ),
    Metric(
        "connections_high", Unit.COUNT, "1 while 80 % or more of the usable connections are taken; signal"
    ),
    Metric("connections_exhausted", Unit.COUNT, "1 while every usable connection is taken; signal"),
    Metric(
        "idle_in_transaction_long",
        Unit.COUNT,
        "sessions idle in a transaction for over 30 s, or over 5 s while others wait for them; signal",
    ),
    Metric("lock_waits", Unit.COUNT, "sessions that have waited over 1 s for a lock; signal"),
    Metric("restarted", Unit.COUNT, "1 in the first reading after the server was restarted; signal"),
)
"""By the names they have in a threshold; those called a signal are also told as events of that name."""

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
        *(
            Action("plan", "e", "Plan", "EXPLAIN: how the server goes about this statement", table)
            for table in ("statements", "sessions", "blocking")
        ),
        *(
            Action(
                "analyze", "E", "Analyze", "EXPLAIN ANALYZE: run it once more, and time it", table, _RUN_IT
            )
            for table in ("statements", "sessions", "blocking")
        ),
    ),
)
