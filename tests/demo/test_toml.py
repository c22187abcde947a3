"""The demo's configuration is one that an operator could have written, whatever the machine lacks."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

from rampdeck import config
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.toml import write_configuration

SCENARIO = Path("shop.py").resolve()


def test_the_whole_stack_is_written_down_without_its_passwords(demo: DemoInfo) -> None:
    path = write_configuration(demo, SCENARIO)
    settings = config.load(path)
    assert settings.target.host == demo.url
    assert settings.scenario.file == SCENARIO
    assert [stage.users for stage in settings.plan()] == sorted(stage.users for stage in settings.plan())
    kinds = {table["kind"] for table in settings.collectors}
    assert kinds == {"generator", "host", "gunicorn", "nginx", "postgres", "redis"}
    text = path.read_text()
    for server in (demo.postgres, demo.redis):
        assert server is not None
        assert server.password not in text
    for name in ("rampdeck.toml", "postgres.password", "redis.password"):
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


def test_what_the_machine_lacks_is_left_out_with_the_sentence_how_to_get_it(demo: DemoInfo) -> None:
    sentence = 'Redis is not installed: "apt-get install redis-server"'
    settings = config.load(
        write_configuration(replace(demo, redis=None, missing={"redis": sentence}), SCENARIO)
    )
    (redis,) = [table for table in settings.collectors if table["kind"] == "redis"]
    assert redis["absent"] == sentence
    assert "port" not in redis
