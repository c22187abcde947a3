"""``rampdeck flows``: the process in which the preflight tries the scenario out, and what it tells.

A process of its own, for a locustfile can be loaded once only, and may do
whatever it likes to its process; this one ends afterwards. It is not for
people: the preflight starts it, with the command line of the run, and reads one
line of JSON.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rampdeck.errors import RampdeckError, ScenarioError
from rampdeck.output import NoInput
from rampdeck.secrets import know_arguments, know_environment, redact

HERE = (sys.executable, "-m", "rampdeck", "flows")


def command(arguments: Sequence[str]) -> str:
    """Return the command line that tries the scenario of a run out."""
    return f"exec {shlex.join([*HERE, *arguments])}"


def flows(argv: list[str]) -> int:
    """Try every flow of the scenario; one line of JSON goes to stdout, all else to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)  # the scenario's prints, and those of whatever it starts
    know_environment(os.environ)
    know_arguments(argv)
    with NoInput():
        try:
            told: dict[str, Any] = {"flows": _tried(argv)}
        except RampdeckError as error:
            told = {"refused": [redact(text) for text in (error.what, error.why, error.fix)]}
    with os.fdopen(answer, "w", encoding="utf-8", errors="replace") as stdout:
        stdout.write(json.dumps(told) + "\n")
    return 0


def _tried(argv: list[str]) -> list[dict[str, Any]]:
    # Patches the process and loads Locust, which the preflight of a host without a scenario needs not.
    from rampdeck import loop, wanted  # noqa: F401
    from rampdeck.engine import flows as engine
    from rampdeck.engine import loader
    from rampdeck.engine import options as command_line
    from rampdeck.guard.apart import apart
    from rampdeck.guard.watch import settle, standing_guard

    settings = wanted.configured(argv)
    with standing_guard(settings, argv) as guard:
        with apart():  # from a web server, if they are named so
            files = command_line.locustfiles(argv, settings.scenario.file)
        loaded = loader.load(files)
        options = command_line.parse(argv)
        options.user_classes = options.user_classes or list(settings.scenario.user_classes)
        options.logfile, options.no_wire_clock = None, True
        command_line.set_up_logging(options)
        settings = wanted.overridden(settings, options)
        wanted.complete(options, settings)
        environment = loader.environment_for(loaded, options)
        settle(guard, settings, options, environment)
        return [asdict(flow) for flow in engine.run_flows(environment)]


def read(stdout: bytes, stderr: bytes) -> list[Mapping[str, Any]]:
    """Return what the process told of each user.

    Raises :class:`ScenarioError` with what it says instead.
    """
    try:
        told = json.loads(stdout)
        if "refused" in told:
            raise ScenarioError(*told["refused"])
        return list(told["flows"])
    except (ValueError, KeyError, TypeError):
        said = stderr.decode("utf-8", "replace").strip().splitlines()
        why = redact(said[-1]) if said else "it said nothing"
        raise ScenarioError("the scenario could not be tried", why, "Try it: rampdeck run -u 1") from None
