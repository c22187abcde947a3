"""What is judged when nobody says what must hold."""

from __future__ import annotations

from collections.abc import Collection

REQUESTS = ("p95 < 800ms", "error_rate < 1%")
"""These decide."""
SOURCES = (
    "postgres.connections < 80% warn",
    "host.cpu < 85% for 30s warn",
    "host.memory < 90% warn",
    "gunicorn.worker_timeout == 0 warn",
    "uvicorn.worker_died == 0 warn",
)
"""These only warn: how full a layer may be is for those to say who know it."""


def defaults(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the thresholds where none are given; of sources, those of the ``kinds`` that there are."""
    return REQUESTS + tuple(text for text in SOURCES if text.partition(".")[0] in kinds)
