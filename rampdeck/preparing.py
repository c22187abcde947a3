"""What follows from the configuration, the command line and the locustfiles, before anything is opened.

A run and a preflight without one are prepared alike: what is checked is what would be run.
"""

from __future__ import annotations

import logging
import math
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rampdeck.collector import Collector
from rampdeck.config import Config
from rampdeck.engine.loader import Loaded
from rampdeck.errors import UsageError
from rampdeck.gate import Gate, defaults, parse_all
from rampdeck.guard import production
from rampdeck.guard.production import Production
from rampdeck.model import Stage
from rampdeck.preflight.stack import Scenario
from rampdeck.sources import Source
from rampdeck.view import Metric


def metrics_of(kinds: Mapping[str, type[Collector]]) -> dict[str, Metric]:
    """Return every metric by the name it has in a threshold."""
    return {
        f"{kind}.{metric.name}": metric for kind, collector in kinds.items() for metric in collector.metrics
    }


def gate_of(
    settings: Config, metrics: Mapping[str, Metric], plan: Sequence[Stage], sources: Sequence[Source]
) -> Gate:
    """Return the gate with the thresholds that are given, or else with those that suit the sources.

    A stage may be any that the configuration has: another run may leave it out. A
    warm-up is none: nothing is judged there.
    """
    given = settings.gate.thresholds
    if given is None:
        given = defaults({source.info.kind for source in sources if not source.absent})
    stages = [stage.name for stage in (*settings.plan(), *plan) if not stage.warmup]
    read = parse_all(given, metrics, stages, [source.info for source in sources])
    return Gate(read, metrics, settings.gate.warn_at)


def plan_of(settings: Config, options: Namespace, loaded: Loaded) -> tuple[Stage, ...]:
    """Return what a run that goes by itself walks through; Locust's -u and -r make a plan of one stage."""
    if loaded.shape is not None:
        if options.auto_step:
            raise UsageError("--auto-step", "the locustfile's LoadTestShape drives the load", "Take one out")
        if settings.stages:
            what = f"{Path(loaded.files[0]).name} has a LoadTestShape and rampdeck.toml has stages"
            raise UsageError(what, "both want to drive the load", "Take one of them out")
        common = {"num_users": "--users", "spawn_rate": "--spawn-rate", "run_time": "--run-time"}
        given = [flag for name, flag in common.items() if getattr(options, name)]
        if given and not loaded.shape.use_common_options:
            logging.getLogger("rampdeck").warning(
                "%s: of no effect, the locustfile's LoadTestShape drives the load", ", ".join(given)
            )
        return ()
    if settings.stages and (options.num_users is None or options.auto_step):
        return settings.plan()
    if options.auto_step:
        return ()
    if options.num_users is None and not (options.headless or options.autostart):
        return ()
    configured = "spawn_rate" in settings.load.model_fields_set
    rate = options.spawn_rate or (settings.load.spawn_rate if configured else 1.0)
    users = 1 if options.num_users is None else options.num_users
    return (Stage("run", users, float(rate), math.inf),)


def most_users(settings: Config, options: Namespace, plan: tuple[Stage, ...]) -> int:
    """Return how many users there may come to be: those of the plan; by hand or by a shape, ``max_users``."""
    planned = max((stage.users for stage in plan), default=0)
    return planned if options.headless and plan else max(planned, settings.load.max_users)


def target_of(settings: Config, classes: Iterable[Any]) -> str:
    """Return where the load goes: what is configured, or else the ``host`` of a user class."""
    return settings.target.host or next((one.host for one in classes if one.host), "")


def production_of(settings: Config, options: Namespace, classes: Iterable[Any]) -> Production | None:
    """Return whether the load would go to production.

    Raises :class:`UsageError` where that had to be confirmed, and was not.
    """
    hosts = [settings.target.host] if settings.target.host else [one.host for one in classes if one.host]
    # Whoever else users may contact counts, too.
    allowed = (*settings.target.allowed_hosts, *options.allow_host)
    found = production.production_of(settings.target.model_copy(update={"allowed_hosts": allowed}), hosts)
    production.check_typed(options.confirm_production, found, hosts)
    if options.headless or options.autostart or options.auto_step:
        production.require_typed(options.confirm_production, found)
    return found


def scenario_of(
    options: Namespace, loaded: Loaded, classes: Iterable[Any], argv: Sequence[str], processes: int
) -> Scenario:
    """Return what the preflight knows of a scenario; ``classes`` are those that are to run."""
    chosen = list(classes)
    accounts = getattr(options, "users_csv", None)
    return Scenario(
        files=loaded.files,
        user_classes=tuple(one.__name__ for one in chosen),
        tasks={one.__name__: len(_tasks(one)) for one in chosen},
        shape=loaded.shape is not None,
        processes=processes,
        allowed=tuple(options.allow_host),
        accounts=Path(accounts) if isinstance(accounts, str) and accounts else None,
        arguments=tuple(argv),
    )


def _tasks(owner: Any) -> set[Any]:
    """Return the functions that a user class or a TaskSet goes through; Locust repeats one by its weight."""
    found: set[Any] = set()
    for task in getattr(owner, "tasks", ()):
        found |= _tasks(task) if hasattr(task, "tasks") else {task}
    return found
