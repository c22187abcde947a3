from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rampdeck.demo.stack import DemoStack
from tests.demo.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rampdeck.demo.info import DemoInfo


@pytest.fixture(scope="session")
def demo() -> Iterator[DemoInfo]:
    """A whole demo stack, shared by the tests; when they are done, nothing of it may be left."""
    with DemoStack() as info:
        yield info
        traces = Traces.of(info)
    assert traces.left() == []
