"""How the workers look as a source: what is said of them, and their pane; known without any engine."""

from __future__ import annotations

from rampdeck.view import Column, Figure, Metric, Table, Unit, View

KIND = "workers"
METRICS = (
    Metric("here", Unit.COUNT, "workers that can be counted on"),
    Metric("expected", Unit.COUNT, "workers that there should be"),
    Metric("plain", Unit.COUNT, "workers that report in Locust's rounded figures"),
    Metric("unstamped", Unit.COUNT, "workers whose response times are not wire times"),
    Metric("lost", Unit.COUNT, "workers that died or went silent"),
    Metric("users", Unit.COUNT, "users in all workers"),
    Metric("rps", Unit.PER_SECOND, "requests in all workers"),
    Metric("held_back", Unit.PER_SECOND, "requests that the ceiling of [guard] rps held back"),
    Metric("cpu_percent", Unit.PERCENT, "of one core, used by the busiest worker"),
    Metric(
        "lag_p99_ms",
        Unit.MILLISECONDS,
        "how late the loop of the latest worker runs what is due, p99 of ten seconds",
    ),
    Metric(
        "lag_max_ms",
        Unit.MILLISECONDS,
        "how late the loop of the latest worker ran what was due, at most, this second",
    ),
)
"""What is measured of them."""
VIEW = View(
    title="Workers",
    figures=(
        (
            Figure("here", "here", limit="expected"),
            Figure("users", "users"),
            Figure("rps", "rate", spark=True),
            Figure("cpu_percent", "cpu", warn=70.0, bad=90.0),
            Figure("lag_p99_ms", "lag", warn=25.0, bad=50.0),
            Figure("plain", "plain", warn=1),
            Figure("lost", "lost", bad=1),
        ),
    ),
    tables=(
        Table(
            "workers",
            "Workers",
            (
                Column("worker", "WORKER", width=14),
                Column("kind", "RUNS", width=16),
                Column("state", "STATE", width=9),
                Column("users", "USERS", Unit.COUNT, width=6),
                Column("rps", "RATE", Unit.PER_SECOND, width=8),
                Column("cpu", "CPU", Unit.PERCENT, width=6),
                Column("lag", "LAG", Unit.MILLISECONDS, width=7),
                Column("lag_max", "MOST", Unit.MILLISECONDS, width=7),
                Column("rss", "MEMORY", Unit.BYTES, width=8),
                Column("files", "FILES", Unit.COUNT, width=6),
                Column("place", "HOST"),
            ),
        ),
    ),
    log=True,
)
"""Their pane."""
