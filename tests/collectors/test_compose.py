"""The log of a container is read to the last line and nothing twice, whatever its stamps say.

Docker itself is a stand-in here (tests/docker.py).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from collectors._compose import ComposeFollower
from collectors.gunicorn import GunicornCollector, GunicornConfig
from rampdeck.model import Health
from tests.docker import DockerStandIn

from .following import following
from .lines import Heard, reading


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerStandIn:
    stand_in = DockerStandIn(tmp_path)
    monkeypatch.setenv("PATH", f"{stand_in.folder}:{os.environ['PATH']}")
    return stand_in


async def test_a_plain_container_is_named_in_the_configuration(docker: DockerStandIn) -> None:
    async with following(GunicornCollector, {"container": "web"}) as gunicorn:
        await gunicorn.until(lambda: gunicorn.sink.health is Health.LIVE)
        docker.say("[2026-09-20 10:01:02 +0000] [7] [ERROR] Error handling request /orders/", second=1)
        await gunicorn.until(lambda: gunicorn.total("app_error") == 1)
    with pytest.raises(ValidationError, match="a log is read from one place"):
        GunicornConfig(kind="gunicorn", container="web", compose_service="web")


@pytest.fixture(params=["service", "container"])
def heard(request: pytest.FixtureRequest) -> Heard:
    return Heard(ComposeFollower("web") if request.param == "service" else ComposeFollower(container="web"))


async def test_reading_goes_on_where_it_stopped(docker: DockerStandIn, heard: Heard) -> None:
    docker.say("old", second=-60)
    async with reading(heard):
        docker.say("1", "2", second=1)
        await heard.has("1", "2")
    docker.say("3", second=1)
    async with reading(heard):
        docker.say("4", second=2)
        await heard.has("1", "2", "3", "4")
    assert heard.before == ["old"]
    assert heard.gaps == []


async def test_lines_of_one_stamp_come_as_often_as_they_were_written(
    docker: DockerStandIn, heard: Heard
) -> None:
    async with reading(heard):
        docker.say("same", "same", "other", second=1)
        await heard.has("same", "same", "other")
    docker.say("same", "new", second=1)
    for _ in range(2):
        async with reading(heard):
            await heard.has("same", "same", "other", "same", "new")
    docker.say("last", second=1)
    async with reading(heard):
        await heard.has("same", "same", "other", "same", "new", "last")


async def test_a_container_whose_stamps_are_behind_loses_nothing(docker: DockerStandIn, heard: Heard) -> None:
    async with reading(heard):
        docker.say("of one container", second=30)
        await heard.has("of one container")
    docker.say("of another", second=27)
    async with reading(heard):
        docker.say("of another, later", second=26)
        await heard.has("of one container", "of another", "of another, later")


async def test_what_came_while_nothing_had_come_yet_is_not_cut_to_the_last_lines(
    docker: DockerStandIn, heard: Heard
) -> None:
    async with reading(heard):
        pass
    lines = [str(number) for number in range(100)]
    docker.say(*lines, second=1)
    async with reading(heard):
        await heard.has(*lines)


async def test_a_container_that_was_made_anew_is_read_and_its_loss_told(
    docker: DockerStandIn, heard: Heard
) -> None:
    async with reading(heard):
        docker.say("1", second=1)
        await heard.has("1")
        docker.recreate("decade")
        await heard.until(lambda: heard.failure)
    assert "its containers have ended" in str(heard.failure)
    docker.say("2", second=1)
    async with reading(heard):
        await heard.has("1", "2")
    [gap] = heard.gaps
    assert gap == "lines of web may be missing: a container was removed, with what it wrote last"


async def test_what_is_long_past_is_forgotten(docker: DockerStandIn, heard: Heard) -> None:
    async with reading(heard):
        for second in range(0, 3_000, 10):
            docker.say(f"at {second}", second=second)
        await heard.until(lambda: len(heard.lines) == 300)
    assert isinstance(heard.follower, ComposeFollower)
    assert len(heard.follower._given) < 3


def test_every_command_is_told_before() -> None:
    compose = "docker compose -f '/srv/my shop/compose.yaml'"
    assert ComposeFollower("web", file="/srv/my shop/compose.yaml").asks() == (
        f"date +%s; {compose} ps -aq web",
        f"{compose} logs --no-color --no-log-prefix --timestamps --tail 20 web",
        f"{compose} logs --no-color --no-log-prefix --timestamps -f --since SECONDS web",
    )
    assert ComposeFollower(container="shop_web_1").asks() == (
        "date +%s; docker inspect --type container --format '{{.Id}}' shop_web_1",
        "docker logs --timestamps --tail 20 shop_web_1 2>&1",
        "docker logs --timestamps -f --since SECONDS shop_web_1 2>&1",
    )
