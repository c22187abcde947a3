"""A run asks for the facts at its start and its end; what changed in between takes its PASS away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rampdeck.collector import CollectorConfig, Sink
from rampdeck.facts import Fact, from_meta, known
from rampdeck.model import SourceInfo
from rampdeck.remote import Remote, Shell
from rampdeck.snapshot import Verdict
from rampdeck.sources import Source
from rampdeck.store import SessionReader
from rampdeck.view import Metric, View
from tests.engine.conftest import Load
from tests.test_run import at, load, opened, own_events, quick_end, target, until

__all__ = ["load", "own_events", "quick_end", "target"]


class Server:
    """A source that is live, and says each time it is asked what comes next."""

    kind: ClassVar[str] = "server"
    Config: ClassVar[type[CollectorConfig]] = CollectorConfig
    metrics: ClassVar[tuple[Metric, ...]] = ()
    view: ClassVar[View] = View(title="Server")

    def __init__(self, versions: Iterator[str], *, moves: bool = False) -> None:
        self._versions = versions
        self._moves = moves

    def asks(self) -> tuple[str, ...]:
        return ()

    async def run(self, remote: Remote, sink: Sink) -> None:
        while True:
            sink.sample({})
            await remote.pause(0.2)

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:  # noqa: ARG002
        return (known("server.version", "version", next(self._versions), "asked", moves=self._moves),)


async def ran(load: Load, folder: Path, server: Server) -> Any:
    """Run some load, and return what came of it with the facts that the session file has."""
    source = Source(server, SourceInfo("server@web", "server", "local"), "local")
    async with opened(load(), folder, sources=[source]) as run:
        run.change_target(+2)
        await until(at(run, 2))
        await until(lambda: run.trust.measured > 1.2)
        run.stop()
        await run.over.wait()
    with SessionReader(run.writer.path) as reader:
        stored = from_meta(reader.meta["facts"])
    return run.result(), stored


@pytest.mark.parametrize(("versions", "moves"), [(("1", "1"), False), (("1", "2"), True)])
async def test_a_run_of_one_system_passes_and_keeps_its_facts(
    load: Load, tmp_path: Path, versions: tuple[str, ...], moves: bool
) -> None:
    result, stored = await ran(load, tmp_path, Server(iter(versions), moves=moves))
    assert (result.result, result.reasons) == (Verdict.PASS, ())
    assert result.facts == stored
    (pair,) = stored
    assert (pair.start.value, pair.end.value) == versions


async def test_a_version_that_changed_in_mid_run_takes_the_pass_away(load: Load, tmp_path: Path) -> None:
    result, _ = await ran(load, tmp_path, Server(iter(("1.0", "2.0"))))
    assert result.result is Verdict.INCONCLUSIVE
    assert result.reasons == ("server@web: version changed during the run: 1.0 → 2.0",)
    (finding,) = (finding for finding in result.findings if finding.layer == "server")
    assert finding.evidence == ("at the start 1.0 (asked)", "at the end 2.0 (asked)")
