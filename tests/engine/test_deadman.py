"""Workers that cannot hear the cockpit for a while: they let go, and take up again what they are told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rampdeck import loop
from rampdeck.engine.driver import Order
from rampdeck.engine.roll import IDLE
from tests.engine.conftest import Target
from tests.engine.crew import ROOT, Crew, Make, cockpit, until
from tests.engine.test_workers import told, user_counts

__all__ = ["cockpit"]


@contextmanager
def way_to(port: int) -> Iterator[subprocess.Popen[str]]:
    """A way to a port that can be cut; its first line is the port where it begins."""
    relay = [sys.executable, str(ROOT / "tests/relay.py"), str(port)]
    with subprocess.Popen(relay, stdout=subprocess.PIPE, text=True) as way:
        try:
            yield way
        finally:
            way.kill()


def said(crew: Crew, name: str) -> str:
    return (crew.folder / f"{name}.log").read_text()


async def test_a_worker_that_was_cut_off_for_a_moment_gets_its_users_back_and_says_what_it_did(
    cockpit: Make, target: Target
) -> None:
    crew = cockpit()
    with way_to(crew.driver.port) as way:
        assert way.stdout
        crew.start("near")
        crew.start_at(int(await loop.in_greenlet(way.stdout.readline)), "far")
        await crew.joined(2)
        await crew.at(6)
        way.send_signal(signal.SIGSTOP)
        await until(lambda: "3 users are stopped" in said(crew, "far"))
        way.send_signal(signal.SIGCONT)
        await until(lambda: any(signal == IDLE for _, signal in told(crew)))
        await until(lambda: user_counts(crew) == [3, 3])
        (text,) = (text for text, signal in told(crew) if signal == IDLE)
        assert text.startswith("worker far stopped its users")
        assert "no word of the cockpit" in text
        assert not crew.engine.failure
        before = len(target.requests)
        await until(lambda: len(target.requests) > before + 100)
        assert "are stopped" not in said(crew, "near")
        await crew.stopped()


async def test_a_worker_whose_connection_ends_lets_go_at_once(cockpit: Make, target: Target) -> None:
    crew = cockpit()
    with way_to(crew.driver.port) as way:
        assert way.stdout
        crew.start("near")
        crew.start_at(int(await loop.in_greenlet(way.stdout.readline)), "far")
        await crew.joined(2)
        await crew.at(6)
        way.kill()
        await until(lambda: "the connection to the cockpit has ended: 3 users" in said(crew, "far"))
        await until(lambda: crew.worker("near").users == 6)
        await crew.stopped()


async def test_what_is_ordered_while_a_worker_is_on_its_own_reaches_it_later(
    cockpit: Make, target: Target
) -> None:
    crew = cockpit()
    with way_to(crew.driver.port) as way:
        assert way.stdout
        crew.start_at(int(await loop.in_greenlet(way.stdout.readline)), "far")
        await crew.joined(1)
        await crew.at(2)
        way.send_signal(signal.SIGSTOP)
        await until(lambda: "2 users are stopped" in said(crew, "far"))
        crew.engine.want(Order(5, 100, "key"))
        way.send_signal(signal.SIGCONT)
        await until(lambda: crew.engine.users == 5)
        before = len(target.requests)
        await until(lambda: len(target.requests) > before + 100)
        await crew.stopped()
