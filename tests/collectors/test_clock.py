"""The clock of a real host, and hosts whose ``date`` was made to tell another time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from collectors.clock import ClockCollector, ClockConfig, offset_of
from rampdeck.clocks import Offset
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import EventKind, Health, Instant

from .watching import Watch, failure, over_ssh, until, watching


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five readings a second."""
    monkeypatch.setattr("collectors.clock.EARLY", (0.2, 0.2))
    monkeypatch.setattr("collectors.clock.PERIOD", 0.2)
    monkeypatch.setattr("collectors._states.QUIET", 0.1)


@pytest.fixture
def clock() -> ClockCollector:
    return ClockCollector(ClockConfig(kind="clock"))


class Wrong:
    """A ``date`` that is off by so many seconds, or tells the time in its own way."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "date"
        self._real = shutil.which("date")

    def off(self, seconds: float) -> None:
        self.says(f'exec {self._real} -d "{seconds} seconds" "$1"')

    def says(self, script: str) -> None:
        # In one step: the collector may be just about to run it.
        made = self._path.with_name("new")
        made.write_text(f"#!/bin/sh\n{script}\n")
        made.chmod(0o755)
        made.rename(self._path)


@pytest.fixture
def date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wrong:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Wrong(tmp_path)


def signals(watch: Watch) -> list[str]:
    return [event.fields["signal"] for event in watch.events if "signal" in event.fields]


async def test_this_machine_over_ssh_is_right_by_its_own_clock(
    clock: ClockCollector, sshd_server: SshdServer
) -> None:
    async with over_ssh(sshd_server) as remote, watching(clock, remote) as watch:
        for _ in range(3):
            sample = await watch.sample()
            assert abs(sample.values["offset"]) <= sample.values["error"]
    assert watch.sink.health is Health.LIVE
    assert signals(watch) == []


async def test_a_clock_that_is_off_is_measured_and_warned_of_once_until_it_is_right(
    clock: ClockCollector, date: Wrong
) -> None:
    date.off(4.2)
    async with watching(clock) as watch:
        reason = await watch.health(Health.WARNING)
        told = re.match(r"the clock of local is (\d\.\d) s ahead of this machine's\.", reason)
        assert told
        most = max(sample.values["error"] for sample in watch.samples)
        assert 1000 * float(told[1]) == pytest.approx(4200, abs=most + 51)  # it is told to a tenth
        assert "chrony" in reason
        for _ in range(2):
            sample = await watch.sample()
            assert sample.values["offset"] == pytest.approx(4200, abs=sample.values["error"] + 1)
        assert signals(watch) == ["far_off"]
        assert sample.values["far_off"] == 1
        assert "times in its logs are off" in watch.logged()[0]
        date.off(0)
        await watch.health(Health.LIVE)
        await until(lambda: [event for event in watch.events if event.fields.get("state") == "over"] or None)
    over = [event.text for event in watch.events if event.fields.get("state") == "over"]
    assert [text.partition(":")[0] for text in over] == ["far off"]
    healths = [event for event in watch.events if event.kind is EventKind.HEALTH]
    assert len(healths) <= 4, "the same warning is not said at every reading"


async def test_a_clock_that_is_set_is_told_with_how_far(clock: ClockCollector, date: Wrong) -> None:
    date.off(0)
    async with watching(clock) as watch:
        await watch.sample()
        date.off(-20)
        await until(lambda: "step" in signals(watch) or None)
    (text,) = (event.text for event in watch.events if event.fields.get("signal") == "step")
    told = re.fullmatch(r"the clock of local was set back by (\d+(?:\.\d)?) s", text)
    assert told
    most = max(sample.values["error"] for sample in watch.samples)
    assert 1000 * float(told[1]) == pytest.approx(20_000, abs=2 * most + 501)


def test_a_step_of_a_fifth_of_a_second_is_seen_where_the_answers_are_quick(clock: ClockCollector) -> None:
    watch, now = Watch("clock"), Instant.now()
    for seconds in (0.0, -0.2, -0.2):
        clock._tell(Offset(now, seconds, 0.01), "web", watch.sink)
    assert watch.logged() == ["the clock of web was set back by 200 ms"]


async def test_our_own_clocks_step_is_not_taken_for_the_hosts(
    clock: ClockCollector, date: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifts = iter((100.0,))

    def drift() -> float:
        # Asked at the end of a reading. From the next one on ours is 10 s later, the host is where it was.
        date.off(0)
        return next(drifts, 110.0)

    monkeypatch.setattr("collectors.clock.drift", drift)
    date.off(10)
    async with watching(clock) as watch:
        first = await watch.sample()
        assert first.values["offset"] > 9_000 - first.values["error"]
        await watch.sample(lambda sample: sample.values["offset"] < 1000)
        await watch.sample()
    assert "step" not in signals(watch)


@pytest.mark.parametrize("said", ["", ".N", ".%N", ".123"])
async def test_where_date_knows_no_parts_of_a_second_it_says_how_little_is_known(
    clock: ClockCollector, date: Wrong, said: str
) -> None:
    """Busybox says "1700000000." or "1700000000.%N", macOS "1700000000.N"."""
    date.says(f'echo "$({shutil.which("date")} +%s){said}"')
    async with watching(clock) as watch:
        sample = await watch.sample()
        await watch.sample()
    assert sample.values["error"] >= 500
    assert abs(sample.values["offset"]) <= sample.values["error"]
    assert watch.logged() == [
        "the date command of local tells whole seconds only: its clock is known to 0.5 s"
    ]
    assert watch.sink.health is Health.LIVE


@pytest.mark.parametrize("script", ["exit 1", "echo 'date: bad usage' >&2; exit 1", "echo \x1b[2Jnoon"])
async def test_a_host_that_tells_no_time_is_not_blind_but_its_clock_is_not_known(
    clock: ClockCollector, date: Wrong, script: str
) -> None:
    date.says(script)
    async with watching(clock) as watch:
        reason = await watch.health(Health.WARNING)
        assert reason.startswith("the clock of local is not known: ")
        assert "\x1b" not in reason
        date.off(0)
        await watch.sample()
        assert watch.sink.health is Health.LIVE


async def test_a_host_that_cannot_be_reached_is_blind_with_the_reason(
    clock: ClockCollector, sshd_server: SshdServer
) -> None:
    sshd_server.stop()
    try:
        async with over_ssh(sshd_server) as remote:
            assert "the connection was refused" in await failure(clock, remote)
    finally:
        sshd_server.start()


def test_an_answer_is_judged_by_the_middle_of_its_round_trip() -> None:
    at = Instant(1_000_000_000.5, 50.0)
    exact = offset_of(b"1000000001.000000000", at, 0.2)
    assert exact is not None
    assert exact.seconds == pytest.approx(0.6)
    assert exact.error == pytest.approx(0.1)
    whole = offset_of(b"1000000001", at, 0.2)
    assert whole is not None
    assert whole.error == pytest.approx(0.6), "half a second, and half of the round trip"
    assert offset_of(b"Welcome to web-1!", at, 0.2) is None
