"""The sources of a run on one real host: in which order they begin, and what is told of the host itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from rampdeck import backoff
from rampdeck.collector import CollectorConfig
from rampdeck.config import HostConfig
from rampdeck.demo.sshd import SshdServer
from rampdeck.duties import Duties
from rampdeck.errors import SourceError
from rampdeck.model import Event, EventKind, Health, SourceInfo, Value
from rampdeck.readers import Readers
from rampdeck.remote.hosts import Hosts
from rampdeck.remote.own import BOOT_ID
from rampdeck.session import Item, Session
from rampdeck.sources import Source
from rampdeck.view import Action
from tests.hosts import becomes_true, host_of
from tests.remote.sources import Reads

FOR_EVER = "sleep 1000"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without keys or known hosts."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def source(kind: str, absent: str = "") -> Source:
    info = SourceInfo(f"{kind}@web", kind, "web")
    assert CollectorConfig(kind=kind, host="web").source == info
    return Source(Reads(FOR_EVER), info, "web", absent)


@asynccontextmanager
async def read(server: SshdServer, sources: Sequence[Source]) -> AsyncIterator[tuple[Session, list[Item]]]:
    """Read sources as a run does; yields the session and what it stores."""
    stored: list[Item] = []
    session = Session({}, stored.append)
    hosts = Hosts({"web": host_of(server)})
    duties = Duties(lambda why: pytest.fail(why))
    readers = Readers(sources, hosts, session)
    readers.connect(duties)
    try:
        yield session, stored
    finally:
        await duties.cancel(5.0)
        readers.close()
        await hosts.close()


def live(stored: list[Item]) -> list[str]:
    """Return which sources became live, in their order."""
    healths = [one for one in stored if isinstance(one, Event) and one.kind is EventKind.HEALTH]
    return [event.source for event in healths if event.fields["health"] == Health.LIVE.value]


class Explains(Reads):
    """A collector with something to say about a row."""

    async def act(self, action: str, row: Mapping[str, Value]) -> str:
        return f"{action} of {row['pid']}"


async def test_an_answer_about_a_row_stands_in_the_session_but_does_not_mean_that_the_source_is_seen() -> (
    None
):
    stored: list[Item] = []
    session = Session({}, stored.append)
    there = replace(source("postgres"), collector=Explains(FOR_EVER))
    readers = Readers([there], Hosts({"web": HostConfig(address="127.0.0.1")}), session)
    explain = Action("plan", "e", "Explain", "shows a plan", ("sessions",))
    assert await readers.act("postgres@web", explain, {"pid": 41}) == "plan of 41"
    (event,) = (one for one in stored if isinstance(one, Event))
    assert (event.source, event.text) == ("postgres@web", "Explain:\nplan of 41")
    assert session.sources["postgres@web"].health is Health.CONNECTING


async def test_a_defect_in_an_action_is_told_and_ends_nothing() -> None:
    there = replace(source("postgres"), collector=Explains(FOR_EVER))
    readers = Readers([there], Hosts({"web": HostConfig(address="127.0.0.1")}), Session({}, lambda _: None))
    explain = Action("plan", "e", "Explain", "shows a plan", ("sessions",))
    with pytest.raises(SourceError, match="the postgres collector has a defect: KeyError: 'pid'"):
        await readers.act("postgres@web", explain, {})


@pytest.mark.usefixtures("home")
async def test_sources_begin_in_the_order_of_the_file(sshd_server: SshdServer) -> None:
    sources = [source(kind) for kind in ("nginx", "host", "gunicorn", "caddy")]
    async with read(sshd_server, sources) as (_, stored):
        assert await becomes_true(lambda: len(live(stored)) == 4)
    assert live(stored) == ["nginx@web", "host@web", "gunicorn@web", "caddy@web"]


@pytest.mark.usefixtures("home")
async def test_with_two_sessions_the_first_two_of_the_file_are_seen(tmp_path: Path) -> None:
    server = SshdServer.create(tmp_path)
    conf = server.folder / "sshd_config"
    conf.write_text(f"MaxSessions 2\n{conf.read_text()}")
    sources = [source("redis", absent="not here"), *(source(kind) for kind in ("nginx", "host", "gunicorn"))]
    with server:
        async with read(server, sources) as (session, stored):
            assert await becomes_true(lambda: session.sources["gunicorn@web"].health is Health.BLIND)
            reason = session.sources["gunicorn@web"].reason
    assert live(stored) == ["nginx@web", "host@web"]
    assert "and nginx@web, host@web have them. Set MaxSessions 10" in reason


@pytest.mark.usefixtures("home")
async def test_a_reboot_is_told_where_the_host_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("0d3f\n")
    monkeypatch.setattr(
        "rampdeck.remote.ssh.BOOT_ID", BOOT_ID.replace("/proc/sys/kernel/random/boot_id", str(boot))
    )
    monkeypatch.setattr(backoff, "FIRST", 0.05)
    with SshdServer.create(tmp_path) as server:
        async with read(server, [source("nginx"), source("host")]) as (session, stored):
            assert await becomes_true(lambda: len(live(stored)) == 2)
            boot.write_text("77aa\n")
            for connection in psutil.Process(server.process.pid).children():
                connection.kill()
            assert await becomes_true(lambda: len(live(stored)) == 4)
            (told,) = (one for one in stored if isinstance(one, Event) and "signal" in one.fields)
            assert (told.source, told.text) == ("host@web", "web was rebooted")
            assert told.fields["signal"] == "rebooted"
            assert session.sources["host@web"].health is Health.LIVE


@pytest.mark.usefixtures("home")
async def test_a_blind_source_shows_when_it_is_tried_next(tmp_path: Path) -> None:
    server = SshdServer.create(tmp_path)  # not started: nobody answers
    async with read(server, [source("nginx")]) as (session, stored):
        assert await becomes_true(lambda: session.sources["nginx@web"].health is Health.BLIND)
        (event, *_) = (one for one in stored if isinstance(one, Event))
        shown = session.sources["nginx@web"].view(event.at).next_try
        assert shown is not None
        assert 0 < shown <= 1.0
        assert session.sources["nginx@web"].view(event.at.plus(60)).next_try == 0.0
