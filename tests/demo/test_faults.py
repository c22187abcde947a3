"""What `rampdeck demo --fault` breaks is broken for real, and all else goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from rampdeck import config
from rampdeck.demo import faults
from rampdeck.demo.faults import FAULTS, PostgresUnseen, checked, impossible, listed
from rampdeck.demo.process import make_folder
from rampdeck.demo.servers import PostgresServer
from rampdeck.demo.stack import DemoStack
from rampdeck.demo.toml import write_configuration
from rampdeck.errors import DemoError, UsageError
from tests.demo.browser import Browser
from tests.demo.test_shop import monitor
from tests.demo.test_stack import journal
from tests.demo.traces import Traces, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rampdeck.demo.info import DemoInfo


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer.create(make_folder("rampdeck-fault-")) as server:
        yield server


def may_log_in(server: PostgresServer, *, as_owner: bool = False) -> bool:
    try:
        server.connect(as_owner=as_owner).close()
    except psycopg.OperationalError:
        return False
    return True


def test_who_monitors_postgresql_is_put_out_and_let_in_again_while_the_shop_is_served(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "UNSEEN", 1.0)
    monkeypatch.setattr(faults, "LOOK", 0.0)
    fault = PostgresUnseen(postgres)

    def turn_until(wanted: bool) -> bool:
        def look() -> bool:
            fault.turn()
            return may_log_in(postgres) is wanted

        return eventually(look)

    time.sleep(1.5)
    fault.turn()
    assert may_log_in(postgres), "nothing happens before somebody looks"
    with closing(postgres.connect()) as monitor, closing(postgres.connect(as_owner=True)) as shop:
        assert turn_until(False)
        with pytest.raises(psycopg.OperationalError):
            monitor.execute("SELECT 1")
        assert shop.execute("SELECT 1").fetchone() == (1,)
        assert may_log_in(postgres, as_owner=True)
        assert turn_until(True)
        assert turn_until(False), "and out again"
    fault.stop()


@pytest.fixture(scope="module")
def broken() -> Iterator[DemoInfo]:
    """A stack with all the faults that the shop and Nginx can have."""
    with DemoStack(faults=("slow-endpoint", "worker-timeouts", "nginx-502")) as info:
        yield info
        traces = Traces.of(info)
    assert traces.left() == []


def test_one_request_in_twenty_finds_nobody_behind_nginx(broken: DemoInfo) -> None:
    assert broken.nginx is not None
    statuses = Counter(Browser(broken.url).get("/health/").status for _ in range(100))
    assert set(statuses) == {200, 502}
    assert 4 <= statuses[502] <= 6
    assert "Connection refused" in broken.nginx.error_log.read_text()


def test_a_page_hangs_until_gunicorn_kills_its_worker_and_waits_for_postgresql_otherwise(
    broken: DemoInfo,
) -> None:
    browser = logged_in(broken)
    assert eventually(lambda: "WORKER TIMEOUT" in " ".join(str(line["MESSAGE"]) for line in journal(broken)))
    assert eventually(lambda: browser.get("/dashboard/").status == 200)
    with closing(monitor(broken)) as connection:
        slowest, quickest = connection.execute(
            "SELECT max(max_exec_time), min(min_exec_time) FROM pg_stat_statements WHERE query LIKE %s",
            ["SELECT pg_sleep%"],
        ).fetchone() or (0, 0)
    assert 1_200 <= quickest <= slowest < 60_000


def logged_in(broken: DemoInfo) -> Browser:
    """Log in, though one request in twenty fails."""
    for row in range(9):
        browser = Browser(broken.url)
        with suppress(AssertionError):
            browser.log_in(broken.users, row)
            return browser
    raise AssertionError("no login was answered")


def test_a_full_redis_takes_no_session_and_no_page_but_answers() -> None:
    with DemoStack(without=("postgres", "journal"), faults=("redis-full",)) as info:
        assert Browser(info.url).get("/health/").status == 200
        assert Browser(info.url).get("/").status == 500
        assert info.gunicorn.log is not None
        assert "command not allowed when used memory > 'maxmemory'" in info.gunicorn.log.read_text()


def test_what_is_broken_stands_in_the_title_and_in_the_notes_of_the_record(broken: DemoInfo) -> None:
    settings = config.load(
        write_configuration(broken, Path("shop.py").resolve(), ("slow-endpoint", "nginx-502"))
    )
    assert settings.scenario.name == "demo-shop-slow-endpoint-nginx-502"
    assert "slow-endpoint (each /dashboard/ waits 1.2 s for PostgreSQL: FAIL)" in settings.release.notes
    assert "nginx-502" in settings.release.notes


def test_a_fault_of_a_part_that_is_missing_does_not_start() -> None:
    assert impossible(["slow-endpoint"], ["postgres"]) == ""
    with pytest.raises(DemoError, match="the fault postgres-unseen needs postgres, which is not there"):
        DemoStack(without=("postgres",), faults=("postgres-unseen",)).start()


def test_a_name_that_is_no_fault_is_told_with_all_that_are() -> None:
    assert checked(["nginx-502", "slow-endpoint", "nginx-502"]) == ("nginx-502", "slow-endpoint")
    with pytest.raises(UsageError) as caught:
        checked(["slow"])
    assert caught.value.what == 'there is no fault "slow"'
    assert all(f"{name} " in caught.value.fix for name in FAULTS)


@pytest.mark.parametrize("asked", [("--help",), ("--fault", "list")])
def test_the_program_says_what_it_can_break(asked: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rampdeck", "demo", *asked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--fault NAME" in done.stdout
    assert listed() in done.stdout
