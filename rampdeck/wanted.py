"""What is wanted of a run: the configuration and the command line, put together.

The cockpit and its workers read both alike.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from rampdeck import config as configuration
from rampdeck.config import Config, LoadConfig, validate
from rampdeck.engine import options as command_line
from rampdeck.errors import UsageError
from rampdeck.secrets import redact

DEFAULT_FILE = Path("rampdeck.toml")


def configured(argv: list[str]) -> Config:
    """Return the configuration that the command line names, or the one that is here, or none.

    Raises :class:`UsageError` also where there is one and ``--on`` wants none.
    """
    named, on = command_line.configuration_of(argv)
    path = Path(named) if named else DEFAULT_FILE
    if on and (named or path.exists()):
        why = "one says what is there, the other has it found: only one of them can be meant"
        fix = (
            f"Leave --on out to take {path}; leave -c out, or go where no {DEFAULT_FILE} is, to have it found"
        )
        raise UsageError(f"--on, and {path}", why, fix)
    if named or path.exists():
        return configuration.load(path)
    return Config()


def overridden(settings: Config, options: Namespace) -> Config:
    """Return the configuration with what the command line says instead."""
    if options.num_users is not None and options.num_users < 0:
        raise UsageError("the command line is wrong", f"{options.num_users} users cannot be had")
    said = {
        "spawn_rate": options.spawn_rate,
        "max_users": options.max_users,
        "stop_timeout": float(options.stop_timeout) or None,
    }
    written = settings.load.model_dump(exclude_unset=True)
    load = validate(
        LoadConfig,
        written | {name: value for name, value in said.items() if value is not None},
        "the command line is wrong",
    )
    said_of_target = {
        "host": options.host or settings.target.host,
        "environment": options.environment or settings.target.environment,
    }
    target = settings.target.model_copy(update=said_of_target)
    guard = settings.guard.model_copy(
        update={"emergency": settings.guard.emergency and not options.no_emergency_stop}
    )
    thresholds = tuple(options.threshold) or settings.gate.thresholds
    if thresholds:
        # Request names come without secrets, and a threshold on one is to find it.
        thresholds = tuple(map(redact, thresholds))
    gate = settings.gate.model_copy(update={"thresholds": thresholds})
    record = settings.record.model_copy(
        update={"folder": Path(options.record) if options.record else settings.record.folder}
    )
    expected = {"commit": options.commit, "image": options.image}
    preflight = settings.preflight.model_copy(
        update={name: value for name, value in expected.items() if value}
    )
    tables = {
        "preflight": preflight,
        "load": load,
        "target": target,
        "guard": guard,
        "gate": gate,
        "record": record,
    }
    return settings.model_copy(update=tables)


def complete(options: Namespace, settings: Config) -> None:
    """Put into Locust's options what the configuration says where the command line says nothing."""
    options.host = settings.target.host
    options.stop_timeout = settings.load.stop_timeout
    options.tags = options.tags or list(settings.scenario.tags) or None
    options.exclude_tags = options.exclude_tags or list(settings.scenario.exclude_tags) or None
