"""The panes of a made-up cockpit."""

from __future__ import annotations

from collections.abc import Mapping

from rampdeck.view import Action, Column, Figure, Metric, Table, Unit, View

VIEWS: Mapping[str, View] = {
    "gunicorn": View(
        "Gunicorn journal",
        figures=(
            (Figure("worker_timeout", "timeouts"), Figure("booting", "boots"), Figure("errors", "errors")),
        ),
        log=True,
    ),
    "nginx": View(
        "Nginx",
        figures=(
            (
                Figure("rps", "req/s", spark=True),
                Figure("4xx", "4xx"),
                Figure("5xx", "5xx", bad=1),
                Figure("upstream_p95", "upstream p95"),
            ),
        ),
        log=True,
    ),
    "postgres": View(
        "pg_stat_activity",
        figures=(
            (
                Figure("connections", "backends", limit="usable", warn=0.8, bad=0.95),
                Figure("active", "active"),
                Figure("idle_in_transaction", "idle-tx", warn=1, bad=3),
                Figure("waiting", "waiting"),
            ),
            (Figure("active", "active", spark=True),),
        ),
        tables=(
            Table(
                "sessions",
                "Sessions",
                (
                    Column("pid", "PID", width=7),
                    Column("state", "STATE", width=8),
                    Column("wait", "WAIT", width=18),
                    Column("age", "AGE", Unit.SECONDS, 6),
                    Column("query", "QUERY"),
                ),
            ),
            Table(
                "statements",
                "Statements",
                (
                    Column("queryid", "ID", width=8),
                    Column("calls", "CALLS/S", Unit.PER_SECOND, 8),
                    Column("mean", "MEAN", Unit.MILLISECONDS, 7),
                    Column("query", "QUERY"),
                ),
            ),
            Table("databases", "Databases", (Column("name", "NAME", width=12),)),
        ),
        actions=(
            Action("plan", "e", "Explain", "shows the plan of a statement", ("statements",)),
            Action(
                "analyze",
                "E",
                "Analyze",
                "runs a statement and shows",
                ("statements",),
                "It is run, and rolled back.",
            ),
        ),
    ),
    "redis": View(
        "Redis",
        figures=(
            (Figure("ops", "ops/s", spark=True), Figure("hit_rate", "hit rate")),
            (
                Figure("memory", "memory", limit="maxmemory", warn=0.8, bad=0.95),
                Figure("evicted", "evicted/s", warn=0.01),
            ),
            (Figure("clients", "clients", limit="maxclients"), Figure("blocked", "blocked")),
        ),
    ),
    "host": View(
        "Hosts",
        tables=(
            Table(
                "hosts",
                "Hosts",
                (
                    Column("host", "HOST", width=12),
                    Column("cpu", "CPU", Unit.PERCENT, 6),
                    Column("steal", "STEAL", Unit.PERCENT, 6),
                    Column("iowait", "IOWAIT", Unit.PERCENT, 6),
                    Column("memory", "MEM", Unit.PERCENT, 6),
                    Column("run_queue", "RUNQ", Unit.COUNT, 5),
                    Column("listen_queue", "LISTENQ", Unit.COUNT, 7),
                ),
                per_host=True,
            ),
        ),
    ),
}
_UNITS = {
    "nginx.rps": Unit.PER_SECOND,
    "nginx.upstream_p95": Unit.MILLISECONDS,
    "redis.ops": Unit.PER_SECOND,
    "redis.hit_rate": Unit.PERCENT,
    "redis.memory": Unit.BYTES,
    "redis.maxmemory": Unit.BYTES,
    "redis.evicted": Unit.PER_SECOND,
}
METRICS: Mapping[str, Metric] = {
    f"{kind}.{figure.metric}": Metric(
        figure.metric, _UNITS.get(f"{kind}.{figure.metric}", Unit.COUNT), figure.label
    )
    for kind, view in VIEWS.items()
    for line in view.figures
    for figure in line
}
