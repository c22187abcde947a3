"""Whoever cannot read a source, or a clock, learns it before the load, with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collectors import COLLECTORS
from rampdeck.collector import Sink
from rampdeck.config import Config
from rampdeck.demo.sshd import SshdServer
from rampdeck.duties import Duties
from rampdeck.gatherer import Gatherer
from rampdeck.preflight.check import Definition, Found, State
from rampdeck.preflight.checks import sources
from rampdeck.preflight.stack import WHAT_IT_IS, Stack
from rampdeck.readers import Readers
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import sources_of
from tests.hosts import host_of
from tests.preflight.stacks import stack

DB = {"hosts": {"db": {}}, "collectors": [{"kind": "postgres", "host": "db"}]}


async def found(definition: Definition, looked_at: Stack) -> list[Found]:
    result = await definition.look(looked_at)
    return [result] if isinstance(result, Found) else list(result)


def seen(made: Stack) -> dict[str, Sink]:
    """The sinks of all sources of a stack; whoever speaks into them is heard by its session."""
    sinks = {}
    for source in made.sources:
        made.session.append(source.info)
        sinks[source.info.name] = Sink(source.info, made.session.append)
    sinks["generator@local"].live()
    return sinks


async def test_a_source_tells_what_it_sees() -> None:
    made = stack(DB)
    sinks = seen(made)
    sinks["clock@db"].live()
    sinks["postgres@db"].sample({"connections": 12.0, "usable": 96.0})
    (one,) = await found(sources.readable, made)
    assert (one.state, one.host, one.found) == (State.OK, "postgres@db", "it is read: backends 12 of 96")


async def test_a_source_that_cannot_be_read_fails_with_its_reason_and_its_fix() -> None:
    made = stack(DB)
    sinks = seen(made)
    sinks["clock@db"].live()
    fix = "GRANT pg_monitor TO monitor"
    sinks["postgres@db"].blind(f"cannot log in: no such role. {fix}", fix=fix)
    (one,) = await found(sources.readable, made)
    assert (one.state, one.found, one.fix) == (State.FAILED, "cannot log in: no such role", fix)


async def test_a_source_that_is_seen_in_part_is_a_warning() -> None:
    made = stack(DB)
    sinks = seen(made)
    sinks["clock@db"].live()
    sinks["postgres@db"].warn("other roles' sessions are hidden")
    (one,) = await found(sources.readable, made)
    assert (one.state, one.found) == (State.WARNING, "only in part: other roles' sessions are hidden")


async def test_a_source_that_is_not_needed_only_warns_and_one_left_out_says_why() -> None:
    tables = [
        {"kind": "postgres", "host": "db", "needed": False},
        {"kind": "nginx", "host": "db", "absent": "there is none"},
    ]
    made = stack({"hosts": {"db": {}}, "collectors": tables})
    sinks = seen(made)
    sinks["clock@db"].live()
    sinks["postgres@db"].blind("cannot log in")
    sinks["nginx@db"].absent("there is none")
    first, second = await found(sources.readable, made)
    assert (first.state, first.found) == (State.WARNING, "cannot log in")
    assert (second.state, second.found) == (State.SKIPPED, "left out: there is none")


async def test_a_source_that_says_nothing_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PATIENCE", 0.1)
    made = stack(DB)
    seen(made)
    (one,) = await found(sources.readable, made)
    assert one.state is State.UNKNOWN
    assert "nothing came from it" in one.found


@pytest.mark.parametrize(("milliseconds", "state"), [(38.0, State.OK), (-400.0, State.FAILED)])
async def test_a_clock_beyond_the_limit_fails(milliseconds: float, state: State) -> None:
    made = stack(DB)
    sinks = seen(made)
    sinks["postgres@db"].live()
    sinks["clock@db"].sample({"offset": milliseconds, "error": 2.0})
    (one,) = await found(sources.offset, made)
    assert (one.state, one.host) == (state, "db")
    assert f"{'+' if milliseconds > 0 else '-'}{abs(milliseconds):.0f} ms, known to 2 ms" in one.found


async def test_without_hosts_far_away_nothing_is_looked_at() -> None:
    made = stack()
    for definition in (sources.connects, sources.readable, sources.offset):
        assert [one.state for one in await found(definition, made)] == [State.SKIPPED]


@asynccontextmanager
async def reading(host: Mapping[str, Any], tables: list[Mapping[str, Any]]) -> AsyncIterator[Stack]:
    """A stack whose sources are really read, over SSH."""
    settings = Config.model_validate({"hosts": {"staging": host}, "collectors": tables})
    hosts = Hosts(settings.hosts)
    chosen = sources_of(settings, COLLECTORS, hosts.check)
    session = Session({}, lambda _: None)
    made = replace(
        stack(),
        settings=settings,
        sources=chosen,
        hosts=hosts,
        session=session,
        gatherer=Gatherer(chosen, settings.release, hosts.remote),
    )
    defects: list[str] = []
    duties = Duties(defects.append)
    readers = Readers(chosen, hosts, session)
    readers.connect(duties)
    try:
        yield made
    finally:
        await duties.cancel(5.0)
        readers.close()
        await hosts.close()
        assert defects == []


async def test_over_ssh_rights_and_clock_are_seen_as_they_are(
    sshd_server: SshdServer, tmp_path: Path
) -> None:
    log = tmp_path / "error.log"
    log.write_text("")
    tables: list[Mapping[str, Any]] = [
        {"kind": "host", "host": "staging"},
        {"kind": "nginx", "host": "staging", "error_log": str(log), "access_log": str(tmp_path / "none.log")},
    ]
    async with reading(host_of(sshd_server).model_dump(exclude_unset=True), tables) as made:
        connected, readable, offset = await asyncio.gather(
            *(found(each, made) for each in (sources.connects, sources.readable, sources.offset))
        )
    assert [(one.state, one.host) for one in connected] == [(State.OK, "staging")]
    assert "Linux" in connected[0].found
    states = {one.host: one for one in readable}
    assert states["host@staging"].state is State.OK
    assert states["nginx@staging"].state is State.WARNING
    assert "none.log" in states["nginx@staging"].found
    assert [(one.state, one.host) for one in offset] == [(State.OK, "staging")]


async def test_a_host_whose_key_is_not_known_fails_with_what_to_do(
    sshd_server: SshdServer, tmp_path: Path
) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    host = host_of(sshd_server).model_dump(exclude_unset=True) | {"known_hosts": empty}
    async with reading(host, [{"kind": "host", "host": "staging"}]) as made:
        (connected,) = await found(sources.connects, made)
        (readable,) = await found(sources.readable, made)
    assert connected.state is State.FAILED
    assert "key" in connected.found
    assert connected.fix
    assert readable.state is State.FAILED
    assert readable.fix
    assert readable.fix not in readable.found, "what to do stands in its own place"


def test_every_host_that_is_read_is_told_what_it_is_sent() -> None:
    settings = Config.model_validate(
        {
            "hosts": {"web": {}, "db": {}, "here": {"local": True}},
            "collectors": [
                {"kind": "nginx", "host": "web"},
                {"kind": "host", "host": "web"},
                {"kind": "postgres", "host": "db", "absent": "no"},
                {"kind": "redis", "host": "here"},
            ],
        }
    )
    assert [(one.host, one.commands) for one in sources.asks(settings)] == [("web", (WHAT_IT_IS,))]
