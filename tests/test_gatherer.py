"""Facts are asked for side by side, at the start and at the end; who fails takes nobody along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rampdeck.config import Command, ReleaseConfig
from rampdeck.errors import HostUnreachable, RemoteError, SourceError
from rampdeck.facts import Fact, FactPair, known
from rampdeck.gatherer import Gatherer
from rampdeck.model import Instant, SourceInfo
from rampdeck.remote import Hear, Remote, Shell
from rampdeck.remote.local import LocalRemote
from rampdeck.remote.turns import Turn
from rampdeck.sources import Source


@dataclass
class Told:
    """A collector that tells a fact, when it is asked."""

    answer: Callable[[], str]
    kind: str = "told"
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        self.go_on.set()

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        self.asked += 1
        self.at_once += 1
        assert self.at_once == 1
        try:
            await self.go_on.wait()
            await shell.run("true")
            return (known(f"{self.kind}.version", "version", self.answer(), "asked"),)
        finally:
            self.at_once -= 1


def source(name: str, collector: Any, host: str = "local") -> Source:
    return Source(collector, SourceInfo(name, collector.kind, host), host)


def gatherer(*sources: Source, remote: Remote | None = None, **release: Any) -> Gatherer:
    return Gatherer(sources, ReleaseConfig(**release), lambda _: remote or LocalRemote())


def values(pair: FactPair) -> tuple[str | None, str | None]:
    return pair.start.value if pair.start else None, pair.end.value if pair.end else None


async def test_each_source_is_asked_at_the_start_and_at_the_end() -> None:
    answers = iter(("1.0", "2.0"))
    asking = gatherer(source("told@web", Told(lambda: next(answers))))
    assert list(asking.pairs) == []
    await asking.begin()
    assert [values(pair) for pair in asking.pairs] == [("1.0", None)]
    await asking.end(5)
    (pair,) = asking.pairs
    assert values(pair) == ("1.0", "2.0")
    assert pair.changed


async def test_who_fails_says_why_and_takes_nobody_along() -> None:
    def refuses() -> str:
        raise SourceError("PostgreSQL", "it refuses the password", "Check it")

    def broken() -> str:
        raise KeyError("version")

    asking = gatherer(*(source(f"{n}@web", Told(f)) for n, f in (("a", refuses), ("b", broken), ("c", str))))
    await asking.begin()
    await asking.end(5)
    by_source = {pair.source: pair.fact for pair in asking.pairs}
    assert by_source["a@web"].why == "PostgreSQL: it refuses the password. Check it"
    assert "the told collector has a defect: KeyError: 'version'" in by_source["b@web"].why
    assert by_source["c@web"].name == "told.version"


async def test_a_source_is_never_asked_twice_at_once() -> None:
    slow = Told(lambda: "1.0")
    slow.go_on.clear()
    asking = gatherer(source("slow@web", slow))
    beginning = asyncio.create_task(asking.begin())
    while not slow.asked:
        await asyncio.sleep(0)
    ending = asyncio.create_task(asking.end(20))
    for _ in range(20):
        await asyncio.sleep(0)
    assert slow.asked == 1
    slow.go_on.set()
    await asyncio.gather(beginning, ending)
    assert slow.asked == 2
    assert [values(pair) for pair in asking.pairs] == [("1.0", "1.0")]


async def test_a_source_that_does_not_answer_at_the_end_keeps_what_it_told_at_the_start() -> None:
    told = Told(lambda: "1.0")
    asking = gatherer(source("told@web", told))
    await asking.begin()
    told.go_on.clear()
    await asking.end(0.05)
    (pair,) = asking.pairs
    assert pair.start
    assert pair.end
    assert (pair.start.value, pair.end.value, pair.end.why) == ("1.0", "", "no answer within 0.05 s")
    assert not pair.changed


class Unreachable(LocalRemote):
    """A host that is tried again and again."""

    async def turn(self, rank: int, hear: Hear) -> Turn:  # noqa: ARG002
        error: RemoteError = HostUnreachable("cannot reach web", "connection refused", "Is it up?")
        hear(error, Instant.now())
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_host_that_never_comes_says_why_in_the_end() -> None:
    asking = gatherer(source("told@web", Told(lambda: "1.0")), remote=Unreachable())
    beginning = asyncio.create_task(asking.begin())
    await asyncio.sleep(0.01)
    await asking.end(0.05)
    await asyncio.gather(beginning, return_exceptions=True)
    (pair,) = asking.pairs
    assert pair.fact.why == "cannot reach web: connection refused. Is it up?"


async def test_commands_of_the_release_are_asked_twice_too(tmp_path: Any) -> None:
    file = tmp_path / "version"
    file.write_text("web-1\n")
    asking = gatherer(commit_sha="8f3c1d2", image_tag=Command(command=f"cat {file}"))
    await asking.begin()
    file.write_text("web-2\n")
    await asking.end(10)
    found = {pair.fact.name: pair for pair in asking.pairs}
    assert values(found["release.commit_sha"]) == ("8f3c1d2", "8f3c1d2")
    assert values(found["release.image_tag"]) == ("web-1", "web-2")
