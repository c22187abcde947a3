"""Of two logs, one that cannot be read hides nothing of the other, and is soon read again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from collectors import _logs
from collectors._logs import RETRY, Log, Logs
from rampdeck import backoff
from rampdeck.collector import Sink
from rampdeck.errors import SourceError
from rampdeck.model import Health, SourceInfo


class Host:
    """A host that only waits when it is told to; its pauses take no time here."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.pauses: list[float] = []

    async def pause(self, seconds: float, *, session: bool = False) -> None:
        assert not session
        self.pauses.append(seconds)
        self.clock[0] += seconds
        await asyncio.sleep(0)


async def test_a_log_that_cannot_be_read_is_tried_again_soon_and_then_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1_000.0]
    for place in (backoff, _logs):
        monkeypatch.setattr(place, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    host, back = Host(clock), asyncio.Event()

    async def errors(_: Any, hearer: Any) -> None:
        hearer.live()
        await back.wait()
        raise SourceError("the end")

    async def access(_: Any, hearer: Any) -> None:
        if len(host.pauses) < 40:
            raise SourceError("cannot read access.log", "it is not there")
        hearer.live()
        back.set()
        raise SourceError("the end")

    heard: list[Any] = []
    sink = Sink(SourceInfo("nginx@web", "nginx", "web"), heard.append)
    with pytest.raises(SourceError):
        await Logs(Log(errors), Log(access)).run(host, sink, lambda: None)  # type: ignore[arg-type]
    assert all(pause <= 1 for pause in host.pauses[:3]), "what is there again is seen to be"
    assert RETRY / 2 < max(host.pauses) <= RETRY
    assert host.pauses[20] > host.pauses[0]
    assert sink.health in (Health.LIVE, Health.WARNING)
