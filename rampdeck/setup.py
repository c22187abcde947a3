"""What a run is made of, put together before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rampdeck.config import Config
from rampdeck.engine.engine import LoadEngine
from rampdeck.gate import Gate
from rampdeck.guard.guard import Guard
from rampdeck.guard.production import Production
from rampdeck.model import Severity, Stage
from rampdeck.output import LogTap, OutputCapture
from rampdeck.remote.asking import Questions
from rampdeck.remote.hosts import Hosts
from rampdeck.sources import Source
from rampdeck.store import SessionWriter
from rampdeck.view import Metric, View
from rampdeck.workers.crew import Crew


@dataclass(frozen=True)
class Setup:
    """Everything that a run is made of; the auto-step begins with ``first_users``, or else with one step.

    ``production`` says that the load would go there, ``confirmed`` that the command line has confirmed it.
    """

    config: Config
    title: str
    host: str
    engine: LoadEngine
    sources: Sequence[Source]
    hosts: Hosts
    views: Mapping[str, View]
    metrics: Mapping[str, Metric]
    plan: tuple[Stage, ...]
    run_time: float | None
    writer: SessionWriter
    gate: Gate
    output: OutputCapture
    log: LogTap
    echo: Severity | None = None
    """The least severe of what the scenario says that is told on, if any of it is."""
    crew: Crew | None = None
    first_users: int | None = None
    production: Production | None = None
    confirmed: bool = False
    questions: Questions = field(default_factory=Questions)
    guard: Guard = field(default_factory=Guard)
