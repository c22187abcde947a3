"""Uvicorn's pane shows what it and the application say, from its journal or its log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors import COLLECTORS
from collectors.uvicorn import UvicornCollector, UvicornConfig
from rampdeck.demo.journal import JournalWriter
from rampdeck.model import Health, Severity
from rampdeck.remote import Stream
from rampdeck.remote.local import LocalRemote

from .following import again, following
from .reading import DATA


def test_the_unit_of_the_guide_needs_no_key() -> None:
    assert UvicornConfig(kind="uvicorn").unit == "uvicorn.service"
    assert UvicornCollector.view.title == "Uvicorn journal"


async def test_its_journal_is_read(journal_writer: JournalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors._tracebacks.QUIET", 5.0)  # its lines may come slowly on a busy machine
    recording = (DATA / "uvicorn-0.54.0-supervisor.log").read_text().splitlines()[1:]
    async with following(UvicornCollector, {"journal_file": str(journal_writer.path)}) as uvicorn:
        await uvicorn.until(lambda: uvicorn.sink.health is Health.WARNING)
        for line in recording:
            journal_writer.write(line.encode(), unit="uvicorn.service", pid=77)
        await uvicorn.until(lambda: uvicorn.total("lines_read") == len(recording))
        await uvicorn.until(lambda: uvicorn.total("lines_stored") == len(recording))
    assert uvicorn.total("worker_died") == uvicorn.total("worker_restarted") == 2
    assert uvicorn.total("config_changed") == 3
    error = uvicorn.event("Exception in ASGI application")
    assert error.severity is Severity.ERROR
    assert error.fields["exception"] == "ValueError"
    assert uvicorn.samples[-1].values["workers"] == 0, "it has ended"


async def test_of_its_access_lines_only_failures_are_events(tmp_path: Path) -> None:
    log = tmp_path / "uvicorn.log"
    log.touch()
    async with following(UvicornCollector, {"file": str(log)}) as uvicorn:
        await uvicorn.until(lambda: uvicorn.sink.health is Health.LIVE)
        with log.open("a") as file:
            file.writelines(
                f'INFO:     127.0.0.1:{port} - "GET / HTTP/1.1" {status}\n'
                for port, status in enumerate(
                    ["200 OK", "302 Found", "404 Not Found", "500 Internal Server Error"] * 5
                )
            )
        await uvicorn.until(lambda: uvicorn.total("lines_read") == 20)
        await uvicorn.until(lambda: uvicorn.total("lines_stored") == 10)
    assert uvicorn.total("lines_counted") == uvicorn.total("access") == 10
    assert (uvicorn.total("answered_5xx"), uvicorn.total("answered_4xx")) == (5, 5)
    assert len(uvicorn.fresh) == 10


class Asked(LocalRemote):
    """This machine, and what was run there."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: set[str] = set()

    @asynccontextmanager
    async def _running(self, command: str, *, stdin: bool, short: bool) -> AsyncIterator[Stream]:
        self.commands.add(command)
        async with super()._running(command, stdin=stdin, short=short) as stream:
            yield stream


@pytest.mark.parametrize("source", ["file", "journal_file"])
async def test_it_runs_nothing_that_it_did_not_say_beforehand(
    source: str, tmp_path: Path, journal_writer: JournalWriter
) -> None:
    path = journal_writer.path if source == "journal_file" else tmp_path / "uvicorn.log"
    if source == "file":
        path.touch()
    remote = Asked()
    async with following(UvicornCollector, {source: str(path)}, remote) as uvicorn:
        await uvicorn.until(lambda: uvicorn.sink.health in (Health.LIVE, Health.WARNING))
        if source == "file":
            path.write_text("a line\n" * 100)  # more than what is read again
        else:
            journal_writer.write(b"a line", unit="uvicorn.service")
        await uvicorn.until(uvicorn.events)
    before = len(remote.commands)
    async with again(uvicorn, remote):
        await uvicorn.until(lambda: len(remote.commands) > before)
    said = uvicorn.collector.asks()
    allowed = [re.escape(command).replace("OFFSET", r"\d+").replace("CURSOR", r"\S+") for command in said]
    assert len(remote.commands) >= 2
    for command in remote.commands:
        assert any(re.fullmatch(pattern, command) for pattern in allowed), command


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
@pytest.mark.parametrize(
    "table",
    [
        {},
        {"file": "/var/log/app.log"},
        {"compose_service": "web", "project_directory": "/srv/shop"},
        {"container": "shop_web_1"},
    ],
)
def test_what_it_asks_a_host_names_the_place(kind: str, table: dict[str, str]) -> None:
    collector = COLLECTORS[kind](COLLECTORS[kind].Config(kind=kind, **table))
    *asked, _find_server, _read_process = collector.asks()
    assert len(asked) >= 3
    place = next(iter(table.values()), f"{kind}.service")
    assert all(place in command or "ROTATED_LOG" in command for command in asked)
