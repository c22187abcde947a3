"""What a cockpit relies on: journal, logs, SSH, monitoring access and release facts of a running stack."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psutil

from rampdeck.demo.process import find_program
from tests.demo.browser import Browser
from tests.demo.test_shop import monitor
from tests.demo.traces import log_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rampdeck.demo.info import DemoInfo


def journalctl(demo: DemoInfo, *options: str) -> list[str]:
    program = find_program("journalctl")
    assert program
    return [
        program,
        "--file",
        str(demo.gunicorn.journal),
        "-u",
        demo.gunicorn.unit,
        "-o",
        "json",
        "-a",
        *options,
    ]


def journal(demo: DemoInfo) -> Iterator[dict[str, Any]]:
    for line in subprocess.check_output(journalctl(demo)).splitlines():
        yield json.loads(line)


def ssh(demo: DemoInfo, command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    strict = ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={demo.ssh.known_hosts}"]
    login = ["-i", str(demo.ssh.client_key), "-p", str(demo.ssh.port), f"{demo.ssh.user}@{demo.ssh.host}"]
    line = ["ssh", "-F", "none", "-o", "BatchMode=yes", *strict, *login, command]
    return subprocess.run(
        line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options
    )


def test_nothing_is_missing_on_a_complete_machine(demo: DemoInfo) -> None:
    assert demo.missing == {}
    assert demo.django.startswith("5.2")


def test_the_journal_holds_gunicorns_start_under_its_unit(demo: DemoInfo) -> None:
    entries = list(journal(demo))
    booted = [entry for entry in entries if "Booting worker with pid" in entry["MESSAGE"]]
    assert len(booted) == demo.gunicorn.workers == 4
    workers = {child.pid for child in psutil.Process(demo.gunicorn.pid).children()}
    assert {int(entry["_PID"]) for entry in booted} == workers
    listening = next(entry for entry in entries if "Listening at" in entry["MESSAGE"])
    assert int(listening["_PID"]) == demo.gunicorn.pid
    assert listening["SYSLOG_IDENTIFIER"] == "gunicorn"


def test_the_journal_can_be_followed_while_the_shop_is_used(demo: DemoInfo) -> None:
    with subprocess.Popen(journalctl(demo, "-f", "-n", "0"), stdout=subprocess.PIPE) as follow:
        assert follow.stdout is not None
        browser = Browser(demo.url)
        browser.log_in(demo.users, row=3)
        browser.get("/nowhere/")
        browser.post("/orders/new/", product=1, quantity=1)
        seen = [json.loads(follow.stdout.readline())["MESSAGE"] for _ in range(2)]
        follow.terminate()
    assert seen[0].endswith("[WARNING] Not Found: /nowhere/")
    assert re.search(r"\[INFO\] order \d+ placed by user004", seen[1])


def test_ssh_reads_the_release_facts(demo: DemoInfo) -> None:
    facts = {name: ssh(demo, command).stdout.strip() for name, command in demo.release.items()}
    assert re.fullmatch(r"[0-9a-f]{40}", facts["commit"])
    assert facts["image"] == f"shop:{facts['commit'][:7]}"
    assert facts["workers"] == "4"
    assert re.fullmatch(r"[0-9a-f]{12}", facts["nginx_config"])
    assert re.match(r"200 users, 5 \d{3} orders, \d+ MB", facts["database"])


def test_every_request_has_a_timed_line_in_the_access_log(demo: DemoInfo) -> None:
    assert demo.nginx
    browser = Browser(demo.url)
    for number in range(5):
        browser.get(f"/api/products/{number + 1}/?timed")
    lines = log_lines(demo.nginx.access_log, "?timed", 5)
    assert len(lines) == 5
    for line in lines:
        assert re.search(r'" 200 \d+ .* rt=\d\.\d+ uct=\d\.\d+ uht=\d\.\d+ urt=\d\.\d+ us=200$', line)


def test_static_files_come_from_nginx_and_do_not_reach_gunicorn(demo: DemoInfo) -> None:
    assert demo.nginx
    page = Browser(demo.url).get("/static/shop/shop.css")
    assert page.status == 200
    assert page.headers["Server"].startswith("nginx/")
    assert page.headers["Content-Type"] == "text/css"
    assert log_lines(demo.nginx.access_log, "/static/shop/shop.css")[0].endswith("us=-")


def test_the_monitor_sees_the_shops_connections_by_name(demo: DemoInfo) -> None:
    Browser(demo.url).get("/report/")
    with closing(monitor(demo)) as connection:
        rows = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'shop'"
        ).fetchall()
    assert any("orders_orderline" in query for (query,) in rows)


def test_no_password_stands_in_a_process_list_or_an_open_file(demo: DemoInfo) -> None:
    assert demo.postgres
    assert demo.redis
    secrets = [demo.postgres.password, demo.redis.password]
    for process in psutil.Process(demo.supervisor).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            assert not any(secret in " ".join(process.cmdline()) for secret in secrets)
    for path in demo.folder.rglob("*"):
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets):
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_demo_loads_no_part_of_the_cockpit() -> None:
    program = (
        "import sys, rampdeck.demo.stack, rampdeck.demo.servers, rampdeck.demo.sshd, rampdeck.demo.journal\n"
        "print({'locust', 'gevent', 'textual', 'asyncssh', 'django'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", program]) == b"set()\n"
