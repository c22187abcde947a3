"""``rampdeck worker``: one of the processes that make the load for a cockpit."""

from __future__ import annotations

import os
import socket
from typing import Any

from rampdeck import loop, wanted
from rampdeck.config import Config
from rampdeck.engine import loader, worker
from rampdeck.engine import options as command_line
from rampdeck.guard.apart import apart
from rampdeck.guard.guard import Guard
from rampdeck.guard.watch import standing_guard
from rampdeck.output import NoInput

TRIES = 60
"""Times five seconds that the cockpit is waited for, as Locust's own workers do."""
TRIES_STARTED = 6
"""The same for a worker that the cockpit has started itself: then the way is blocked."""


def work(argv: list[str]) -> int:
    """Join a cockpit and make load until it says good-bye; returns the exit code.

    Raises :class:`UsageError` when the scenario cannot be loaded or nobody answers.
    """
    with NoInput():
        return _work(["--worker", *argv])


def _work(argv: list[str]) -> int:
    settings = wanted.configured(argv)
    with standing_guard(settings, argv) as guard:
        return _guarded(settings, argv, guard)


def _guarded(settings: Config, argv: list[str], guard: Guard) -> int:
    name = os.environ.get("RAMPDECK_WORKER", "")
    with apart():  # from the cockpit, or from a web server
        files = command_line.locustfiles(argv, settings.scenario.file)
    loaded = loader.load(files)
    options = command_line.parse_worker(argv)
    options.user_classes = options.user_classes or list(settings.scenario.user_classes)
    if name:
        options.logfile = None  # the cockpit's own; it reads what is written here
    command_line.set_up_logging(options)
    wanted.complete(options, wanted.overridden(settings, options))
    master = options.master_host, options.master_port
    tries = TRIES_STARTED if name else TRIES

    def join(environment: Any) -> object:
        return worker.make_worker(
            environment, *master, name=name or socket.gethostname(), tries=tries, guard=guard
        )

    # Which hosts users may contact the cockpit says, with the load.
    guard.settle(guard.hosts.names, files)
    environment = loader.environment_for(loaded, options, join)
    loop.freeze(collect=True)
    return worker.serve(environment)
