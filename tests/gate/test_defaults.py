"""What is judged when nobody has said what must hold."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import rampdeck
from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.errors import UsageError
from rampdeck.gate import defaults, parse_all
from rampdeck.preflight.commands import _COMMENTED
from rampdeck.preparing import gate_of
from rampdeck.sources import sources_of
from tests.gate.stack import METRICS

TEMPLATE = Path(rampdeck.__file__).parent / "template.toml"
HOST: dict[str, Any] = {"kind": "host", "host": "web"}
POSTGRES: dict[str, Any] = {"kind": "postgres", "host": "web", "user": "monitor", "database": "shop"}


def judged(*collectors: dict[str, Any], **more: Any) -> dict[str, bool]:
    """Return what a run of a configuration judges, and whether that only warns."""
    settings = Config.model_validate({"hosts": {"web": {}}, "collectors": collectors, **more})
    sources = sources_of(settings, COLLECTORS, lambda _: None)
    gate = gate_of(settings, METRICS, settings.plan(), sources)
    return {threshold.expression: threshold.warns for threshold in gate.thresholds}


def test_the_guides_two_thresholds_decide() -> None:
    assert judged() == {"p95 < 800ms": False, "error_rate < 1%": False}


def test_how_full_a_layer_is_only_warns_and_only_where_it_is_watched() -> None:
    assert judged(HOST, POSTGRES) == {
        "p95 < 800ms": False,
        "error_rate < 1%": False,
        "postgres.connections < 80% warn": True,
        "host.cpu < 85% for 30s warn": True,
        "host.memory < 90% warn": True,
    }


def test_a_source_that_is_left_out_on_purpose_is_not_judged() -> None:
    assert list(judged(HOST | {"absent": "no access"})) == ["p95 < 800ms", "error_rate < 1%"]


def test_whoever_gives_thresholds_gets_those_and_no_others() -> None:
    assert list(judged(HOST, gate={"thresholds": ["p95 < 2s"]})) == ["p95 < 2s"]
    assert judged(HOST, gate={"thresholds": []}) == {}


def test_all_of_them_can_be_read_with_every_kind_of_source() -> None:
    texts = defaults(COLLECTORS)
    assert len(texts) == 7
    assert [threshold.warns for threshold in parse_all(texts, METRICS)] == [False] * 2 + [True] * 5
    assert not any("generator" in text for text in texts)


def test_a_source_that_is_not_configured_is_found_before_the_load_begins() -> None:
    with pytest.raises(UsageError, match="number 1: no collector of kind redis is configured"):
        judged(HOST, gate={"thresholds": ["redis.memory < 80%"]})
    with pytest.raises(UsageError, match='no host source is on "wob"; did you mean "web"'):
        judged(HOST, gate={"thresholds": ["host.cpu{host=wob} < 80%"]})


def test_a_stage_that_is_not_in_the_plan_is_found_before_the_load_begins() -> None:
    stages = [{"name": "peak", "users": 5, "hold": "1m"}]
    assert list(judged(stages=stages, gate={"thresholds": ["rps >= 40 at peak"]})) == ["rps >= 40 at peak"]
    with pytest.raises(UsageError, match='there is no stage "peek"; did you mean "peak"'):
        judged(stages=stages, gate={"thresholds": ["rps >= 40 at peek"]})


def test_the_commented_template_judges_what_it_switches_on() -> None:
    everything = tomllib.loads(_COMMENTED.sub("", TEMPLATE.read_text(encoding="utf-8")))
    texts = everything["gate"]["thresholds"]
    assert len(texts) >= 6
    rest = {key: everything[key] for key in ("hosts", "stages", "gate")}
    assert list(judged(*everything["collectors"], **rest)) == texts
    plain = Config.model_validate(tomllib.loads(TEMPLATE.read_text(encoding="utf-8")))
    assert plain.gate.thresholds is None
