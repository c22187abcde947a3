"""A real load on a real Nginx: what was sent and what its access log holds agree to the last request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.nginx import NginxCollector, NginxConfig
from rampdeck.demo.nginx import NginxServer
from rampdeck.model import SourceInfo
from rampdeck.record import conclude, markdown
from rampdeck.record.json import to_json
from rampdeck.record.result import Result
from rampdeck.sources import Source
from tests.engine.conftest import Load, load, own_events, target
from tests.test_run import at, opened, until

__all__ = ["load", "own_events", "target"]
USERS = """
from locust import FastHttpUser, HttpUser, constant, task

class {kind}Visitor({kind}):
    wait_time = constant(0.05)
    @task(6)
    def away(self):
        self.client.get("/away/2", name="away")
    @task(2)
    def slow(self):
        self.client.get("/slow/1.0", name="slow")
    @task
    def gone(self):
        with self.client.get("/status/404", name="gone", catch_response=True) as answer:
            answer.success()
    @task
    def raises(self):
        with self.client.get("/away/1", name="raises", catch_response=True):
            raise ValueError("left by the scenario")
"""


def nginx(server: NginxServer) -> Source:
    collector = NginxCollector(NginxConfig(kind="nginx", access_log=str(server.access_log)))
    return Source(collector, SourceInfo("nginx@local", "nginx", "local"), "local")


def lines(server: NginxServer) -> int:
    return len(server.access_log.read_bytes().splitlines())


@pytest.fixture(autouse=True)
def last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rampdeck.run.LAST_LOOK", 5.0)  # a busy machine's lines come late


async def went(load: Load, server: NginxServer, folder: Path, kind: str, *flags: str) -> tuple[Result, int]:
    """Raise to 12 users, lower to 3, raise again, stop; return the result and what the log gained."""
    engine = load(USERS.format(kind=kind), "-H", server.url, *flags, stop_timeout=0.1)
    before = lines(server)
    async with opened(engine, folder, sources=(nginx(server),)) as run:
        await until(lambda: run.session.sources["nginx@local"].samples)
        for users in (12, 3, 6):
            run.set_target(users)
            await until(at(run, users))
            await asyncio.sleep(2.5)
        run.abort()
        await run.over.wait()
    return conclude(run), lines(server) - before


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
async def test_redirects_and_kills_agree_with_the_log_level_by_level_and_exactly_for_the_run(
    load: Load, nginx_server: NginxServer, tmp_path: Path, kind: str
) -> None:
    result, gained = await went(load, nginx_server, tmp_path, kind)
    whole = result.counts.whole
    assert whole is not None
    assert whole.sent.redirects > 0
    assert whole.sent.unreported > 0
    assert (whole.unknown, whole.difference) == ("", 0)
    assert whole.seen == whole.sent.total == gained
    assert [step.step for step in result.counts.steps] == [1, 2, 3]
    assert all(step.explained for step in result.counts.steps), result.counts.steps
    assert sum(step.difference for step in result.counts.steps) == 0
    # 12 users became 3, and 6 were stopped at once: a quarter of what they ask takes a second.
    cut = dict(result.counts.cut)
    assert set(cut) <= {1, 3}
    assert cut[1] > 0
    assert whole.sent.killed == sum(cut.values())
    gave_up = sum(b'" 499 ' in line for line in nginx_server.access_log.read_bytes().splitlines()[-gained:])
    assert 0 < result.counts.closed == gave_up <= whole.sent.killed
    assert result.total.failures == 0, result.errors
    assert not [finding for finding in result.findings if finding.layer == "nginx"], result.findings
    text = markdown(result)
    assert f"{cut[1]} requests were cut off by us at the end of step 1" in text or cut[1] == 1
    assert "Counted twice" in text
    data = to_json(result)
    assert data["reconciled"]["difference"] == 0
    assert data["steps"][0]["cut_off"] == cut[1]
    assert data["steps"][1]["reconciled"]["explained"] is True


async def test_without_the_wire_clock_it_says_why_nothing_is_compared(
    load: Load, nginx_server: NginxServer, tmp_path: Path
) -> None:
    result, gained = await went(load, nginx_server, tmp_path, "FastHttpUser", "--no-wire-clock")
    whole = result.counts.whole
    assert whole is not None
    assert whole.explained is None
    assert "wire clock" in whole.unknown
    assert whole.seen == gained
    assert to_json(result)["reconciled"]["sent"] is None
    assert not [finding for finding in result.findings if finding.layer == "nginx"]


async def test_requests_that_never_reach_nginx_are_a_finding(
    load: Load, nginx_server: NginxServer, tmp_path: Path, upstream_server: object
) -> None:
    beside = replace(nginx_server, port=upstream_server.port)  # type: ignore[attr-defined]
    result, gained = await went(load, beside, tmp_path, "FastHttpUser")
    assert gained == 0
    texts = [finding.text for finding in result.findings if finding.layer == "nginx"]
    assert len(texts) == 3
    assert all("requests fewer than were sent in step" in text for text in texts)
