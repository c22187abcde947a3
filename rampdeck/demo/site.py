"""The shop as a deployed release: private settings, accounts, release files, preparation, and Gunicorn."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import http.client
import importlib.metadata
import importlib.util
import io
import json
import secrets
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGQUIT
from typing import TYPE_CHECKING

from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import HOST, ServerProcess, require_program, write_secret
from rampdeck.demo.servers import PostgresServer, RedisServer, Server
from rampdeck.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ACCOUNTS = 200
ORDERS = 5_000
SETTINGS = "rampdeck.demo.shop.settings"
WORKERS = 4
TIMEOUT = 30
"""Seconds after which Gunicorn kills a worker that does not answer, and with the fault `worker-timeouts`:"""
SHORT_TIMEOUT = 4

GUNICORN_CONF = """
bind = "{host}:{port}"
workers = {workers}
worker_class = "sync"
timeout = {timeout}
preload_app = True
errorlog = "-"
worker_tmp_dir = "{folder}"
control_socket_disable = True
"""


DATABASE_NOTE = """\
SELECT format('%s users, %s orders, %s',
    replace(to_char((SELECT count(*) FROM auth_user), 'FM9,999,999'), ',', ' '),
    replace(to_char((SELECT count(*) FROM orders_order), 'FM9,999,999'), ',', ' '),
    pg_size_pretty(pg_database_size(current_database())))
"""
SQLITE_NOTE = """\
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
tables = "auth_user", "orders_order"
users, orders = (database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
megabytes = os.path.getsize(sys.argv[1]) / 1e6
print(f"{users:_} users, {orders:_} orders, {megabytes:.1f} MB in SQLite".replace("_", " "))
"""


def require_django() -> str:
    """Find out Django's version; DemoError when the `demo` extra is not installed."""
    for name in ("django", "gunicorn"):
        if importlib.util.find_spec(name) is None:
            raise DemoError(f"{name} is not installed: pip install 'rampdeck[demo]'")
    return importlib.metadata.version("django")


@dataclass(frozen=True)
class Site:
    """One release of the shop in a folder, wired to the servers that there are."""

    folder: Path
    static: Path
    users: Path
    environment: Mapping[str, str] = field(repr=False)
    faults: tuple[str, ...] = ()

    @classmethod
    def create(
        cls,
        parent: Path,
        postgres: PostgresServer | None,
        redis: RedisServer | None,
        nginx: NginxServer | None,
        faults: Collection[str] = (),
    ) -> Site:
        """Write settings, accounts (each with a new password) and release files below `parent`.

        `faults` are those that the shop itself is to have.
        """
        folder = parent / "site"
        folder.mkdir(mode=0o700)
        static = nginx.static if nginx else folder / "static"
        settings = {
            "secret_key": secrets.token_urlsafe(50),
            "postgres": postgres
            and {
                "host": postgres.host,
                "port": postgres.port,
                "name": postgres.database,
                "user": postgres.owner,
                "password": postgres.owner_password,
            },
            "sqlite": str(folder / "shop.sqlite3"),
            "redis": redis and f"redis://:{redis.password}@{redis.host}:{redis.port}/0",
            "static_root": str(static),
            "serve_static": nginx is None or "static-by-django" in faults,
            "faults": sorted(faults),
        }
        config = write_secret(folder / "settings.json", json.dumps(settings))
        users = write_secret(folder / "users.csv", _accounts())
        revision = candidate()
        if "wrong-commit" in faults:
            revision = revision[::-1]
        (folder / "REVISION").write_text(f"{revision}\n")
        (folder / "IMAGE").write_text(f"{image_of(revision)}\n")
        environment = {"RAMPDECK_SHOP": str(config), "DJANGO_SETTINGS_MODULE": SETTINGS}
        return cls(folder=folder, static=static, users=users, environment=environment, faults=tuple(faults))

    def preparation(self) -> ServerProcess:
        """Make the process that fills the shop (migrations, static files, accounts, orders) and ends."""
        command = [sys.executable, "-P", "-m", "rampdeck.demo.shop", "prepare", str(self.users)]
        return ServerProcess(
            "the shop's preparation", command, self.folder / "prepare.log", environment=self.environment
        )


def _accounts() -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["username", "password"])
    rows.writerows([f"user{number:03}", secrets.token_hex(8)] for number in range(1, ACCOUNTS + 1))
    return text.getvalue()


def candidate() -> str:
    """Hash the shop's own files: 40 hexadecimal digits, the same as long as the code is."""
    source = Path(__file__).with_name("shop")
    digest = hashlib.sha1(usedforsecurity=False)
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(source)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def image_of(revision: str) -> str:
    """Return the tag of the image that a release would have."""
    return f"shop:{revision[:7]}"


@dataclass(frozen=True)
class GunicornServer(Server):
    """Gunicorn with sync workers, serving the shop."""

    folder: Path
    port: int
    process: ServerProcess = field(repr=False)
    config: Path
    workers: int = WORKERS
    host: str = HOST

    @classmethod
    def create(cls, site: Site, port: int, output: int | None = None) -> GunicornServer:
        """Prepare Gunicorn for a site; its log goes to the descriptor `output`, or to `gunicorn.log`."""
        config = site.folder / "gunicorn.conf.py"
        config.write_text(
            GUNICORN_CONF.format(
                host=HOST,
                port=port,
                workers=WORKERS,
                folder=site.folder,
                timeout=SHORT_TIMEOUT if "worker-timeouts" in site.faults else TIMEOUT,
            ).lstrip()
        )
        command = [
            sys.executable,
            "-P",
            "-m",
            "gunicorn",
            "-c",
            str(config),
            "rampdeck.demo.shop.wsgi:application",
        ]
        process = ServerProcess(
            "Gunicorn",
            command,
            site.folder / "gunicorn.log",
            stop_signal=SIGQUIT,
            environment=site.environment,
            output=output,
        )
        return cls(folder=site.folder, port=port, process=process, config=config)

    @property
    def url(self) -> str:
        """The address to ask, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def answers(self) -> bool:
        """Whether the shop says that it is healthy."""
        return is_healthy(self.port)


def is_healthy(port: int) -> bool:
    """Tell whether /health/ on a loopback port answers 200."""
    try:
        with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=5)) as link:
            link.request("GET", "/health/")
            return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def release_facts(
    site: Site, gunicorn: GunicornServer, nginx: NginxServer | None, postgres: PostgresServer | None
) -> dict[str, str]:
    """Compose shell commands that print the facts of the release, to be run on the host of the stack."""
    facts = {
        "commit": f"cat {_quoted(site.folder / 'REVISION')}",
        "image": f"cat {_quoted(site.folder / 'IMAGE')}",
        "workers": f"sed -n 's/^workers = //p' {_quoted(gunicorn.config)}",
    }
    if nginx is not None:
        facts["nginx_config"] = f"sha256sum {_quoted(nginx.config)} | cut -c1-12"
    if postgres is not None:
        facts["database"] = _database_note(site, postgres)
    else:
        command = [sys.executable, "-I", "-c", SQLITE_NOTE, str(site.folder / "shop.sqlite3")]
        facts["database"] = shlex.join(command)
    return facts


def _database_note(site: Site, postgres: PostgresServer) -> str:
    login = f"{postgres.host}:{postgres.port}:{postgres.database}:{postgres.user}:{postgres.password}\n"
    passfile = write_secret(site.folder / "pgpass", login)
    query = site.folder / "database.sql"
    query.write_text(DATABASE_NOTE)
    psql = [require_program("psql", "postgresql-client"), "-XAtw", "-f", str(query)]
    psql += ["-h", postgres.host, "-p", str(postgres.port), "-U", postgres.user, "-d", postgres.database]
    return f"PGPASSFILE={_quoted(passfile)} {shlex.join(psql)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
