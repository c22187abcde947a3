"""Makes the recorded outputs in ``data/``: a real server, everything done to it that makes it speak.

Not run by the tests. For another version: ``pip install --target FOLDER gunicorn==20.1.0``, then
``PYTHONPATH=FOLDER:. python tests/collectors/recording.py gunicorn-sync > tests/collectors/data/NAME.log``.
What the machine itself put into a traceback (its folders) becomes ``/srv/app`` and ``/srv/venv``.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import psycopg

from rampdeck.demo.process import free_port, make_folder
from rampdeck.demo.servers import PostgresServer

WSGI = """
import os, time
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow/": time.sleep(30)
    if path == "/stuck/": sum(range(10 ** 11))
    if path == "/killed/": os.kill(os.getpid(), 9)
    if path == "/boom/": raise ValueError("no stock of item 7")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
ASGI = """
import asyncio, os, time
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    path = scope["path"]
    if path == "/slow/": time.sleep(30)
    if path == "/stuck/": sum(range(10 ** 11))
    if path == "/killed/": os.kill(os.getpid(), 9)
    if path == "/boom/": raise ValueError("no stock of item 7")
    if path == "/nothing/": return
    if path == "/wait/": await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
async def refusing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""
DJANGO = """
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path
settings.configure(
    SECRET_KEY="of a recording", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **LOGIN}},
    LOGGING={"version": 1, "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(levelname)s %(asctime)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", FORMATTER}},
        "root": {"handlers": ["console"], "level": "WARNING"}},
)
def boom(request): raise ValueError("no stock of item 7")
def query(sql):
    def view(request):
        with connection.cursor() as cursor: cursor.execute(sql)
        return HttpResponse("ok")
    return view
urlpatterns = [path("", lambda request: HttpResponse("ok")), path("boom/", boom),
    path("orders/", query("select 1")),
    path("late/", query("set statement_timeout = 50; select pg_sleep(9)")),
]
app = get_wsgi_application()
"""


class Server:
    """A server with its output in a file; what is asked of it, it may leave unanswered."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.port = free_port()
        self.output = folder / "output"
        command = [part.replace("PORT", str(self.port)) for part in command]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env=os.environ | {"HOME": str(folder)},
                stdout=output,
                stderr=output,
            )

    def ask(
        self, path: str = "/", *, method: str = "GET", host: str = "127.0.0.1", wait: float = 1.0
    ) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as client:
            client.settimeout(wait)
            client.sendall(head.encode())
            while client.recv(65536):
                pass

    def junk(self) -> None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as client:
            client.settimeout(1)
            client.sendall(b"\x16\x03\x01 no request\r\n\r\n")
            client.recv(1000)

    def wait_for(self, words: str, times: int = 1, most: float = 20.0) -> None:
        deadline = time.monotonic() + most
        while self.output.read_text(errors="replace").count(words) < times:
            if time.monotonic() > deadline:
                raise SystemExit(f"no {words!r} within {most} s:\n{self.output.read_text(errors='replace')}")
            time.sleep(0.05)

    def signal(self, number: int, pause: float = 1.0) -> None:
        self.process.send_signal(number)
        time.sleep(pause)

    def end(self) -> None:
        self.signal(signal.SIGTERM, 0)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextlib.contextmanager
def served(app: str, *command: str) -> Iterator[Server]:
    """Run a server while the block lasts; writes what it said to stdout."""
    with tempfile.TemporaryDirectory(prefix="rampdeck-recording-") as name:
        folder = Path(name)
        (folder / "app.py").write_text(app)
        server = Server(folder, list(command))
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.end()
            text = server.output.read_text(errors="replace")
            text = text.replace(str(folder), "/srv/app").replace(
                str(Path(os.__file__).parent), "/usr/lib/python3"
            )
            text = re.sub(
                r'"/[^"\n]*/(?=(?:gunicorn|uvicorn\w*|django|psycopg\w*|asgiref)/)', '"/srv/venv/', text
            )
            sys.stdout.write(text)


def gunicorn(worker: str, *options: str, app: str = "app:app") -> tuple[str, ...]:
    return ("gunicorn.app.wsgiapp", app, "-k", worker, "-b", "127.0.0.1:PORT", "--timeout", "2", *options)


def through_gunicorn(worker: str, code: str) -> None:
    """2 workers: junk, an exception, a timeout, a stuck one, one killed, ttin, ttou, hup, recycling, end."""
    with served(code, *gunicorn(worker, "-w", "2", "--graceful-timeout", "2")) as server:
        server.wait_for("Booting worker", 2)
        time.sleep(1)
        server.ask()
        server.junk()
        server.ask("/boom/")
        server.ask("/nothing/") if code is ASGI else None
        server.ask("/slow/", wait=5) if worker != "gthread" else None
        time.sleep(1)
        server.ask("/stuck/", wait=6) if worker != "gthread" else None
        time.sleep(1)
        server.ask("/killed/")
        time.sleep(1.5)
        server.signal(signal.SIGTTIN)
        server.signal(signal.SIGTTOU)
        server.signal(signal.SIGHUP, 2.0)
        server.ask()
    with served(code, *gunicorn(worker, "-w", "1", "--max-requests", "2")) as server:
        server.wait_for("Booting worker")
        time.sleep(1)
        for _ in range(3):
            server.ask()
            time.sleep(0.3)
        time.sleep(1)


def broken_boots() -> None:
    """A module that is not there, then a name that is not in it."""
    for app in ("nowhere:app", "app:nothing"):
        with served(WSGI, *gunicorn("sync", "-w", "1", app=app)) as server:
            server.process.wait(20)


def broken_lifespan(*command: str) -> None:
    """An application that refuses to start."""
    with served(ASGI, *command) as server, contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(8)


def through_django(formatter: str) -> None:
    """1 worker: an exception, CSRF, a strange host, no page, a statement timeout, no database slots."""
    folder = make_folder("rampdeck-recording-")
    try:
        with PostgresServer.create(folder) as database:
            _through_django(database, DJANGO.replace("FORMATTER", formatter))
    finally:
        shutil.rmtree(folder)


def _through_django(database: PostgresServer, code: str) -> None:
    login = {"host": database.host, "port": database.port, "dbname": database.database}
    login |= {"user": database.owner, "password": database.owner_password}
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    settings = {names[name]: value for name, value in login.items()}
    with served(code.replace("LOGIN", repr(settings)), *gunicorn("sync", "-w", "1")) as server:
        server.wait_for("Booting worker")
        time.sleep(1.5)
        server.ask("/boom/")
        server.ask("/", method="POST")
        server.ask("/", host="evil.example")
        server.ask("/missing/")
        server.ask("/late/")
        taken = []
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(psycopg.connect(**login))  # type: ignore[arg-type]
        for _ in range(2):
            server.ask("/orders/")
        for one in taken:
            one.close()


def uvicorn(*options: str, app: str = "app:app") -> tuple[str, ...]:
    return ("uvicorn", app, "--port", "PORT", *options)


def through_uvicorn() -> None:
    """Alone: ok, junk, an exception, no answer, too many at once, more than its requests."""
    with served(ASGI, *uvicorn("--limit-concurrency", "2")) as server:
        server.wait_for("startup complete")
        server.ask("/?page=2")
        server.junk()
        server.ask("/boom/")
        server.ask("/nothing/")
        with (
            socket.create_connection(("127.0.0.1", server.port)),
            socket.create_connection(("127.0.0.1", server.port)),
        ):
            time.sleep(0.2)
            server.ask()
    with served(ASGI, *uvicorn("--limit-max-requests", "2")) as server:
        server.wait_for("startup complete")
        for _ in range(3):
            server.ask()
        time.sleep(0.5)


def through_supervisor() -> None:
    """2 workers: one killed, one stuck, hup, ttin, ttou, end."""
    with served(ASGI, *uvicorn("--workers", "2")) as server:
        server.wait_for("startup complete", 2)
        server.ask("/killed/")
        time.sleep(2)
        server.ask("/boom/")
        server.ask("/stuck/", wait=12)
        time.sleep(1)
        for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGHUP):
            server.signal(number, 3)
            if server.process.poll() is not None:
                break


DOINGS: dict[str, tuple[str, Callable[[], None]]] = {
    "gunicorn-sync": ("gunicorn", lambda: through_gunicorn("sync", WSGI)),
    "gunicorn-gthread": ("gunicorn", lambda: through_gunicorn("gthread", WSGI)),
    "gunicorn-asgi": ("gunicorn", lambda: through_gunicorn("asgi", ASGI)),
    "gunicorn-uvicorn": ("gunicorn", lambda: through_gunicorn("uvicorn_worker.UvicornWorker", ASGI)),
    "gunicorn-boot": ("gunicorn", broken_boots),
    "gunicorn-lifespan": (
        "gunicorn",
        lambda: broken_lifespan(*gunicorn("asgi", "-w", "1", app="app:refusing")),
    ),
    "django": ("gunicorn", lambda: through_django("")),
    "django-formatted": ("gunicorn", lambda: through_django('"formatter": "plain"')),
    "uvicorn": ("uvicorn", through_uvicorn),
    "uvicorn-supervisor": ("uvicorn", through_supervisor),
    "uvicorn-lifespan": ("uvicorn", lambda: broken_lifespan(*uvicorn(app="app:refusing"))),
}

if __name__ == "__main__":
    package, doing = DOINGS[sys.argv[1]]
    made = f"{package} {version(package)}, Python {platform.python_version()}, {platform.system()}"
    sys.stdout.write(f"# {made}: tests/collectors/recording.py {sys.argv[1]}\n")
    doing()
