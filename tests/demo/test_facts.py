"""A whole stack tells what it is made of, without a word typed; what is changed in mid-run is found out."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rampdeck.demo.info import DemoInfo
from rampdeck.demo.stack import DemoStack
from rampdeck.demo.toml import write_configuration
from rampdeck.errors import SessionError
from rampdeck.facts import FactPair, from_meta
from rampdeck.store import SessionReader

LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def health(self):
        self.client.get("/health/")
"""


@pytest.fixture
def stack() -> Iterator[DemoInfo]:
    """A stack of the test's own: it is changed."""
    with DemoStack() as info:
        yield info


def told(folder: Path) -> dict[str, FactPair]:
    """Return the facts that the only session in a folder has by now."""
    for session in folder.glob("rampdeck-sessions/*/*.sqlite*"):
        try:
            with SessionReader(session) as reader:
                return {pair.fact.name: pair for pair in from_meta(reader.meta.get("facts"))}
        except SessionError:
            break
    return {}


def change(info: DemoInfo) -> None:
    """Deploy another commit, another Nginx configuration and another setting of PostgreSQL."""
    (info.folder / "site" / "REVISION").write_text("1a2b3c4\n")
    assert info.nginx is not None
    info.nginx.config.write_text(info.nginx.config.read_text().replace("expires 1h", "expires 2h"))
    os.kill(info.nginx.pid, signal.SIGHUP)
    assert info.postgres is not None
    password = (info.folder / "postgres" / "admin-password").read_text().strip()
    place = f"host={info.postgres.host} port={info.postgres.port} dbname=postgres user=postgres"
    with psycopg.connect(place, password=password, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET work_mem = '9MB'")
        admin.execute("SELECT pg_reload_conf()")


def test_a_deploy_in_mid_run_is_found_and_leaves_no_pass(stack: DemoInfo, tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOCUSTFILE)
    toml = write_configuration(stack, locustfile)
    text = re.sub(r"(?s)\[\[stages\]\].*?(?=\[gate\])", "", toml.read_text())
    # Nothing but the commit is asked for by a command of the user's.
    text = re.sub(
        r"(?m)^(image_tag|gunicorn_workers|nginx_config_version|database_size_note) = .*\n", "", text
    )
    text = re.sub(r"(?m)^(database = .*)$", r'\1\nrow_counts = ["orders_order"]', text)
    text = re.sub(r"(?m)^folder = .*$", f"folder = {json.dumps(str(tmp_path / 'rampdeck-sessions'))}", text)
    toml.write_text(text)
    command = [sys.executable, "-m", "rampdeck", "run", "--headless", "-c", str(toml), "-u", "2", "-t", "10m"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wanted = {"release.commit_sha", "nginx.config_sha256", "postgres.work_mem", "gunicorn.version"}
            for _ in range(600):
                if wanted <= set(told(tmp_path)) or process.poll() is not None:
                    break
                time.sleep(0.1)
            assert wanted <= set(told(tmp_path))
            change(stack)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
        finally:
            process.kill()
    facts = told(tmp_path)
    assert {name for name, pair in facts.items() if pair.changed} == {
        *("release.commit_sha", "nginx.config_sha256", "nginx.worker_pids", "postgres.work_mem"),
    }
    (record,) = (json.loads(path.read_text()) for path in tmp_path.rglob("record.json"))
    _check(record, stack)


def _check(record: dict[str, Any], stack: DemoInfo) -> None:
    reasons = " ".join(record["reasons"])
    assert "nginx@staging: configuration, sha256 changed during the run" in reasons
    assert "postgres@staging: work_mem changed during the run: 4MB → 9MB" in reasons
    assert "Commit SHA changed during the run: " in reasons
    assert "workers" not in reasons
    found = {finding["text"] for finding in record["findings"]}
    assert "nginx@staging: workers were restarted during the run" in found
    fields = record["record"]
    assert fields["Commit SHA"].endswith(", at the end 1a2b3c4")
    assert fields["Gunicorn workers"] == f"{stack.gunicorn.workers}, sync, timeout 30"
    assert re.fullmatch(r"[0-9a-f]{16}, at the end [0-9a-f]{16}", fields["Nginx config version"])
    assert re.fullmatch(r"\d+ MB; orders_order \d+ rows, auth_user \d+ rows", fields["Database size note"])
