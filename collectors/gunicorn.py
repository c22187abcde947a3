"""Gunicorn: what its workers and the application say, from the journal, a file or a container."""

from __future__ import annotations

from typing import ClassVar

from rampdeck.collector import CollectorConfig
from rampdeck.view import Figure, Metric, View

from ._places import LogConfig
from ._python_log import LogCollector, log_metrics
from ._python_signals import GUNICORN
from ._signals import SignalTable


class GunicornConfig(LogConfig):
    """A table of ``kind = "gunicorn"``."""

    unit: str = "gunicorn.service"


class GunicornCollector(LogCollector):
    """Follows one Gunicorn's log; a traceback joins the error it belongs to."""

    kind: ClassVar[str] = "gunicorn"
    Config: ClassVar[type[CollectorConfig]] = GunicornConfig
    table: ClassVar[SignalTable] = GUNICORN
    metrics: ClassVar[tuple[Metric, ...]] = log_metrics(GUNICORN)
    view: ClassVar[View] = View(
        title="Gunicorn journal",
        figures=(
            (
                Figure("lines_read", "lines/s", spark=True),
                Figure("errors", "errors", warn=1, bad=1),
                Figure("worker_timeout", "timeouts", warn=1, bad=1),
                Figure("out_of_memory", "killed", warn=1, bad=1),
                Figure("worker_restarted", "restarts", warn=1),
                Figure("workers", "workers"),
            ),
        ),
        log=True,
    )
