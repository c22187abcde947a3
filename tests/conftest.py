"""What every test runs in: the one loop of the product, patched before anything else is imported."""

# isort: off
from rampdeck import loop  # first: it patches the process
# isort: on

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

# Most tests are of something else; those of the preflight take it away.
os.environ["RAMPDECK_NO_PREFLIGHT"] = "1"

pytest_plugins = ("tests.servers",)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run every coroutine of a test as the product runs its own: in the gevent hub."""
    return {"gevent": loop.new_loop}
