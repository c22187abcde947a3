"""Uvicorn without Gunicorn: alone or with its own supervisor, from the journal, a file or a container."""

from __future__ import annotations

from typing import ClassVar

from rampdeck.collector import CollectorConfig
from rampdeck.view import Figure, Metric, View

from ._places import LogConfig
from ._python_log import LogCollector, log_metrics
from ._python_signals import UVICORN
from ._signals import SignalTable


class UvicornConfig(LogConfig):
    """A table of ``kind = "uvicorn"``."""

    unit: str = "uvicorn.service"


class UvicornCollector(LogCollector):
    """Follows one Uvicorn's log; of its access lines only failures are events."""

    kind: ClassVar[str] = "uvicorn"
    Config: ClassVar[type[CollectorConfig]] = UvicornConfig
    table: ClassVar[SignalTable] = UVICORN
    metrics: ClassVar[tuple[Metric, ...]] = log_metrics(UVICORN)
    view: ClassVar[View] = View(
        title="Uvicorn journal",
        figures=(
            (
                Figure("lines_read", "lines/s", spark=True),
                Figure("errors", "errors", warn=1, bad=1),
                Figure("answered_5xx", "5xx", warn=1, bad=1),
                Figure("overloaded", "refused", warn=1, bad=1),
                Figure("worker_restarted", "restarts", warn=1),
                Figure("workers", "workers"),
            ),
        ),
        log=True,
    )
