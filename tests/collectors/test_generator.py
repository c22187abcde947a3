"""The generator says when it is itself the limit."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from collectors.generator import GeneratorCollector, GeneratorConfig
from rampdeck.config import GeneratorLimits
from rampdeck.model import Health
from rampdeck.pace import Ticks

from .watching import until, watching

OF_THE_LOAD = {"delay_p95_ms", "delay_percent", "held_back", "littles_law", "stamped"}
NAMES = {metric.name for metric in GeneratorCollector.metrics} - OF_THE_LOAD


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second, of a program that has started long ago."""
    monkeypatch.setattr("collectors.generator.WARM_UP", 0.0)
    monkeypatch.setattr("collectors.generator.Ticks", partial(Ticks, 0.2))


@pytest.fixture
def generator() -> GeneratorCollector:
    return GeneratorCollector(GeneratorConfig(kind="generator"))


async def test_every_metric_has_a_value_and_every_value_is_a_metric(generator: GeneratorCollector) -> None:
    async with watching(generator) as watch:
        sample = await watch.sample(lambda sample: set(sample.values) == NAMES)
    assert all(set(one.values) <= NAMES for one in watch.samples)
    assert 0 < sample.values["open_files"] < sample.values["open_files_limit"]


async def test_a_loop_that_stands_still_shows_as_lag(generator: GeneratorCollector) -> None:
    async with watching(generator) as watch:
        await watch.sample()
        time.sleep(0.3)  # the block is what this test is about
        # The first reading after it may come before the next look at the loop.
        blocked = await watch.sample(lambda sample: sample.values.get("lag_max_ms", 0) >= 270)
    assert blocked.values["lag_p99_ms"] > 100


async def test_the_start_of_the_program_is_no_lag(
    generator: GeneratorCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.generator.WARM_UP", 1000.0)
    async with watching(generator) as watch:
        await watch.sample()
        time.sleep(0.3)
        sample = await watch.sample()
    assert set(sample.values) == NAMES - {"lag_p99_ms", "lag_max_ms"}


async def test_open_files_are_counted(generator: GeneratorCollector, tmp_path: Path) -> None:
    async with watching(generator) as watch:
        before = (await watch.sample()).values["open_files"]
        files = [(tmp_path / str(number)).open("w") for number in range(20)]
        after = (await watch.sample()).values["open_files"]
        for file in files:
            file.close()
    assert after == before + 20


async def test_it_warns_at_its_limits_and_takes_that_back_when_it_has_been_calm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collectors.generator.CALM", 1)
    # Only the limit of the delay: this machine may be busy with other tests.
    off = dict.fromkeys(("lag", "cpu", "files", "memory", "steal"), 1e9)
    limits = GeneratorLimits(delay=20, **off)
    generator = GeneratorCollector(GeneratorConfig(kind="generator", limits=limits))
    async with watching(generator) as watch:
        await watch.health(Health.LIVE)
        generator.feed = lambda: {"delay_p95_ms": 21.0, "delay_percent": 60.0}
        assert "the generator added more than 20 ms" in await watch.health(Health.WARNING)
        monkeypatch.setattr("collectors.generator.CALM", 1_000_000)
        generator.feed = dict
        for _ in range(3):
            await watch.sample()
        assert watch.sink.health is Health.WARNING
        monkeypatch.setattr("collectors.generator.CALM", 2)
        await watch.health(Health.LIVE)


async def test_what_the_run_knows_of_the_generator_is_in_its_samples(generator: GeneratorCollector) -> None:
    generator.feed = lambda: dict.fromkeys(OF_THE_LOAD, 3.0)
    async with watching(generator) as watch:
        sample = await watch.sample()
    assert set(sample.values) == NAMES | OF_THE_LOAD


def test_the_pane_is_coloured_by_the_configured_limits() -> None:
    generator = GeneratorCollector(
        GeneratorConfig(kind="generator", limits=GeneratorLimits(lag=200, files=50))
    )
    figures = {figure.metric: figure for line in generator.view.figures for figure in line}
    assert (figures["lag_p99_ms"].bad, figures["open_files"].bad) == (200, 0.5)


async def test_a_step_of_this_machines_clock_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter((0.0, 0.05, -3.0))  # 50 ms is what a clock may be slewed by
    monkeypatch.setattr("collectors.generator.drift", lambda: next(steps, -3.0))
    watched = GeneratorCollector(GeneratorConfig(kind="generator"))
    async with watching(watched) as watch:
        await until(lambda: len(watch.samples) >= 4 or None)
    assert sum(sample.values["clock_step"] for sample in watch.samples) == 1
    assert watch.logged() == ["this machine's clock was set back by 3.0 s"]
