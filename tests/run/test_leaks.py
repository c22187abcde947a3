"""Secrets are planted wherever text comes from; after a run no byte that it wrote holds one."""

from __future__ import annotations

import contextlib
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as sync_redis

from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.store import SessionReader
from tests.run.conftest import ANY_MACHINE, Project, environment

MARK = "Zq9x"
"""What every planted secret ends with; none of them is a part of another."""
LOCUSTFILE = r"""
import logging, os
from locust import FastHttpUser, constant, events, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--shop-login", is_secret=True, default="")

print("at import: DATABASE_URL=postgres://app:pl4nt-01-Zq9x@db:5432/shop")
LINES = [
    "loaded {'password': 'pl4nt-02-Zq9x', 'user': 'a'}",
    "Authorization: Bearer pl4nt-03-Zq9x",
    "Set-Cookie: sessionid=pl4nt-04-Zq9x; HttpOnly",
    '{"access_token": "pl4nt-05-Zq9x", "ok": true}',
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.pl4nt-06-Zq9x",
    "mysqldump -h db -ppl4nt-07-Zq9x shop",
    "env: STRIPE_KEY=pl4nt-08-Zq9x HOME=/root",
]
REQUEST = '"GET /reset?token=pl4nt-09-Zq9x HTTP/1.1"'
ACCESS = f'10.0.0.1 - - [22/Nov/2026:18:01:02 +0000] {REQUEST} {{}} 5 "-" "curl/8"'
GUNICORN = [
    "[2026-11-22 18:01:02 +0000] [7] [ERROR] Error handling request /x?api_key=pl4nt-10-Zq9x",
    "Traceback (most recent call last):",
    '  File "/srv/app/views.py", line 7, in home',
    "    connect('postgres://app:pl4nt-11-Zq9x@db/shop')",
    "django.db.utils.OperationalError: connection to \"host=db password=pl4nt-12-Zq9x\" failed",
    "Internal Server Error: /orders/?sessionid=pl4nt-13-Zq9x",
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA7pl4nt14Zq9xAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka",
]
NGINX = (
    '2026/11/22 18:01:02 [error] 12#12: *5 upstream timed out while reading, client: 10.0.0.1, server: web, '
    'request: "GET /login?password=pl4nt-15-Zq9x HTTP/1.1", upstream: "http://app:pl4nt-16-Zq9x@127.0.0.1:8000/"'
)

def append(name, lines):
    with open(name, "a") as file:
        file.write("".join(f"{line}\n" for line in lines))

class Visitor(FastHttpUser):
    wait_time = constant(0.5)

    @task
    def home(self):
        for line in LINES:
            print(line)
            logging.getLogger("shop").warning("%s", line.replace("-Zq9x", "-log-Zq9x"))
        print("bare:", os.environ["SHOP_PASSWORD"], self.environment.parsed_options.shop_login)
        append("access.log", [ACCESS.format(200), ACCESS.format(502)] * 3)
        append("gunicorn.log", GUNICORN)
        append("error.log", [NGINX])
        self.client.get("/a?token=pl4nt-17-Zq9x&page=2")
        self.client.get("/", name="/a?signature=pl4nt-18-Zq9x")
        with self.client.get("/", name="/b", catch_response=True) as response:
            response.failure("403 for {'Authorization': 'Token pl4nt-19-Zq9x'} and Cookie: sid=pl4nt-20-Zq9x")
        self.client.get("/broken?password=pl4nt-21-Zq9x")
        raise RuntimeError("login of a with password='pl4nt-22-Zq9x' failed at redis://:pl4nt-23-Zq9x@cache/0")
"""
TOML = """
[load]
settle = "1s"
[[stages]]
name = "low token=pl4nt-30-Zq9x"
users = 2
spawn_rate = 10
hold = "7s"
[gate]
thresholds = ["p95{{name=/a?token=pl4nt-31-Zq9x&page=2}} < 10s", "error_rate < 1%"]
[release]
notes = "the password is pl4nt-32-Zq9x"
commit_sha = {{ command = "echo abc1234 token=pl4nt-33-Zq9x" }}
image_tag = {{ command = "echo Authorization: Basic pl4nt-34-Zq9x >&2; exit 3" }}
[hosts.app]
address = "127.0.0.1"
port = 1
user = "deploy"
password_env = "SSH_PASSWORD"
[[collectors]]
kind = "host"
host = "app"
[[collectors]]
kind = "gunicorn"
file = "{folder}/gunicorn.log"
[[collectors]]
kind = "nginx"
access_log = "{folder}/access.log"
error_log = "{folder}/error.log"
[[collectors]]
kind = "postgres"
port = {postgres.port}
user = "monitor"
database = "shop"
password_file = "{folder}/postgres.password"
[[collectors]]
kind = "redis"
port = {redis.port}
password_file = "{folder}/redis.password"
"""
SQL = "SELECT pg_sleep(0.5) /* UPDATE auth_user SET \"password\" = 'pl4nt-40-Zq9x', token='pl4nt-41-Zq9x' */"
BROKEN_SQL = "SELECT nothing FROM nowhere WHERE password = 'pl4nt-42-Zq9x'"


@pytest.fixture
def busy_servers(postgres_server: PostgresServer, redis_server: RedisServer) -> Iterator[None]:
    """Statements and commands with secrets in them go on all the time."""
    over = threading.Event()

    def ask() -> None:
        with contextlib.closing(postgres_server.connect(as_owner=True)) as connection:
            while not over.is_set():
                connection.execute(SQL)
                with contextlib.suppress(psycopg.Error):
                    connection.execute(BROKEN_SQL)

    def command() -> None:
        with sync_redis.Redis(port=redis_server.port, password=redis_server.password) as client:
            client.config_set("slowlog-log-slower-than", 0)
            while not over.wait(0.3):
                client.set("cache:/x?token=pl4nt-43-Zq9x", "password=pl4nt-44-Zq9x")
                with contextlib.suppress(sync_redis.RedisError):
                    client.execute_command("AUTH", "nobody", "pl4nt-45-Zq9x")
            client.config_set("slowlog-log-slower-than", 10_000)
            client.slowlog_reset()

    threads = [threading.Thread(target=work) for work in (ask, command)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("busy_servers")
def test_no_byte_of_what_a_run_leaves_holds_a_secret(
    project: Project, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    project.write("locustfile.py", LOCUSTFILE)
    for name in ("access.log", "error.log", "gunicorn.log"):
        project.write(name, "")
    project.write("postgres.password", postgres_server.password)
    project.write("redis.password", redis_server.password)
    project.write(
        "rampdeck.toml",
        TOML.format(folder=project.folder, postgres=postgres_server, redis=redis_server) + ANY_MACHINE,
    )
    secrets = {"SHOP_PASSWORD": f"from-env-{MARK}", "SSH_PASSWORD": f"ssh-{MARK}"}
    outputs: tuple[str, ...] = (
        "--csv",
        "out/x",
        "--csv-full-history",
        "--html",
        "out/x.html",
        "--json-file",
        "out/x.json",
    )
    outputs += ("--logfile", "out/x.log", "--report", "md", "--report", "html=out/y.html", "--print-stats")
    outputs += ("--report", "junit=out/y.xml", "--report", "summary=out/y.md")
    with project.start(
        *("run", "--headless", "-H", project.site, "--title", f"peak password=title-{MARK}", *outputs),
        *("--shop-login", f"option {MARK}"),
        env={**environment(), **secrets},
    ) as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 1, err

    written = _written(project.session, project.folder / "out") | {
        "stdout": out.encode(),
        "stderr": err.encode(),
    }
    assert {
        "x_stats.csv",
        "x_failures.csv",
        "x_exceptions.csv",
        "x.html",
        "x.json",
        "x.log",
        "y.html",
    } <= set(written)
    assert _leaks(written, MARK, postgres_server.password, redis_server.password) == set()
    _the_rest_is_there(project, out)


def _the_rest_is_there(project: Project, out: str) -> None:
    # What was around them is there: the sources were read, and the texts can still be told.
    items = _texts(project.session / "session.sqlite")
    for told in (
        "DATABASE_URL=postgres://app:***@db:5432/shop",
        "loaded {'password': ***, 'user': 'a'}",
        "shop: env: STRIPE_KEY=*** HOME=/root",
        "GET /reset?token=***",
        "/login?password=***",
        "/x?api_key=***",
        "/a?token=***&page=2",
    ):
        assert told in items, told
    assert "pg_sleep" in items
    assert "/a?token=***&page=2" in out
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in project.session.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(project.session.stat().st_mode) == 0o700


def _leaks(written: dict[str, bytes], *hidden: str) -> set[tuple[str, str]]:
    """Where a secret stands, with what stands before it."""
    return {
        (name, data[max(0, at - 60) : at + 8].decode(errors="replace"))
        for name, data in written.items()
        for secret in hidden
        if (at := data.find(secret.encode())) >= 0
    }


def _written(*folders: Path) -> dict[str, bytes]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.name: path.read_bytes() for path in files}


def _texts(file: Path) -> str:
    with SessionReader(file) as reader:
        return "\n".join(repr(item) for item in reader.items()).replace("\\'", "'")


def test_a_wrong_configuration_is_told_without_its_secrets(project: Project) -> None:
    project.write("rampdeck.toml", f"[gate]\nthresholds = ['p95 < password=wrong-{MARK}']\n")
    done = project.headless("-u", "1", "-t", "1s", "--title", f"token={MARK}")
    assert done.returncode == 2
    assert MARK not in done.stderr + done.stdout
