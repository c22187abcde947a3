"""Which sources a configuration has, those that nobody wrote among them."""

from __future__ import annotations

from typing import Any

import pytest

from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.errors import UsageError
from rampdeck.remote.hosts import Hosts
from rampdeck.sources import sources_of


def names(*collectors: dict[str, Any], **hosts: dict[str, Any]) -> list[str]:
    config = Config.model_validate({"collectors": collectors, "hosts": hosts})
    return [source.info.name for source in sources_of(config, COLLECTORS, Hosts(config.hosts).check)]


def test_each_host_far_away_has_its_clock_measured_last_and_the_generator_is_always_watched() -> None:
    found = names(
        {"kind": "host", "host": "web"},
        {"kind": "redis", "host": "db"},
        {"kind": "host", "host": "here"},
        {"kind": "host"},
        {"kind": "redis", "host": "web"},
        web={},
        db={},
        here={"local": True},
        unused={},
    )
    assert found[-3:] == ["generator@local", "clock@web", "clock@db"]
    assert len(found) == 8


def test_a_host_of_which_everything_is_left_out_is_left_alone() -> None:
    assert names({"kind": "host", "host": "web", "absent": "no login"}, web={}) == [
        "host@web",
        "generator@local",
    ]


def test_a_clock_that_somebody_wrote_a_table_for_is_measured_once() -> None:
    assert (
        names({"kind": "clock", "host": "web"}, {"kind": "host", "host": "web"}, web={}).count("clock@web")
        == 1
    )


def test_two_tables_of_one_source_are_refused() -> None:
    with pytest.raises(UsageError, match="host@local is there already"):
        names({"kind": "host"}, {"kind": "host"})


def test_tables_of_the_preflight_are_counted_with_those_of_the_record() -> None:
    config = Config.model_validate(
        {
            "collectors": [{"kind": "postgres", "row_counts": ["orders", "users"]}],
            "preflight": {"rows": {"orders": 10, "shop.lines": 5}},
        }
    )
    (source, _) = sources_of(config, COLLECTORS, Hosts(config.hosts).check)
    assert source.collector.config.row_counts == ("orders", "users", "shop.lines")  # type: ignore[attr-defined]
