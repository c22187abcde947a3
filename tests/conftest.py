"""What every test runs in: the one loop of the product, patched before anything else is imported."""

import os
import signal

os.environ.setdefault("RAMPDECK_ENVIRONMENT", "test")  # a run must name what it loads
os.environ.setdefault("RAMPDECK_NO_PREFLIGHT", "1")

# isort: off
from rampdeck import loop  # first: it patches the process
# isort: on

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and that is inherited
pytest_plugins = ("tests.servers",)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run every coroutine of a test as the product runs its own: in the gevent hub."""
    return {"gevent": loop.new_loop}
