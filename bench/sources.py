"""What the cockpit watches while it is measured: the demo's stack, and logs that get 50 lines a second."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import IO, Self

from rampdeck.demo.info import DemoInfo
from rampdeck.demo.stack import DemoStack

LINES_PER_SECOND = 50
_WORDS = (
    ("INFO", "order 5123 placed by ann: 2 x Assam Tea"),
    ("INFO", "order 5124 placed by bob: 1 x Kettle"),
    ("WARNING", "slow request 1204 ms GET /dashboard/"),
    ("INFO", "Booting worker with pid: 2306"),
    ("ERROR", "OperationalError: canceling statement due to lock timeout"),
)


class Logs:
    """A Gunicorn and an Nginx error log with 50 new lines a second in all; an access log with as many."""

    def __init__(self, folder: Path) -> None:
        self.gunicorn, self.errors = folder / "gunicorn.log", folder / "error.log"
        self.access = folder / "access.log"
        self._files = [path.open("w", buffering=1) for path in (self.gunicorn, self.errors, self.access)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for file in self._files:
            file.close()

    def _write(self) -> None:
        gunicorn, errors, access = self._files
        due, number = time.monotonic(), 0
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += 1 / LINES_PER_SECOND
            number += 1
            if number % 10:
                _gunicorn_line(gunicorn, number)
            else:
                _error_line(errors, number)
            _access_line(access, number)


def _gunicorn_line(file: IO[str], number: int) -> None:
    level, text = _WORDS[number % len(_WORDS)]
    now = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime())
    file.write(f"[{now}] [{2_000 + number % 4}] [{level}] {text}\n")


def _error_line(file: IO[str], number: int) -> None:
    now = time.strftime("%Y/%m/%d %H:%M:%S")
    file.write(
        f"{now} [error] 4711#4711: *{number} upstream timed out (110: Connection timed out) while reading "
        "response header from upstream, client: 127.0.0.1, server: localhost, "
        'request: "GET /report/ HTTP/1.1", upstream: "http://127.0.0.1:8000/report/", host: "localhost"\n'
    )


def _access_line(file: IO[str], number: int) -> None:
    now = time.strftime("%d/%b/%Y:%H:%M:%S %z")
    status, took = (504, 30.0) if number % 500 == 0 else (200, 0.02 + number % 7 / 1000)
    file.write(
        f'127.0.0.1 - - [{now}] "GET /orders/ HTTP/1.1" {status} 200 "-" "bench" '
        f"rt={took:.3f} uct=0.000 uht={took:.3f} urt={took:.3f} us={status}\n"
    )


class Watched:
    """The stack, the logs and the ``rampdeck.toml`` that joins them; gone after the block.

    Every source is reached over SSH, as on a real staging host.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self.folder, self.target = folder, target
        self.configuration = folder / "rampdeck.toml"
        self.missing: dict[str, str] = {}
        self._stack = DemoStack()
        self._logs = Logs(folder)

    def __enter__(self) -> Self:
        info = self._stack.start()
        try:
            self.missing = info.missing
            self.configuration.write_text("\n".join(self._tables(info)), encoding="utf-8")
            self._logs.__enter__()
        except BaseException:
            self._stack.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._logs.__exit__(*error)
        self._stack.stop()

    def _tables(self, info: DemoInfo) -> list[str]:
        ssh = info.ssh
        lines = _table("[target]", host=self.target)
        lines += _table("[load]", step=1, max_users=100_000)
        lines += _table("[record]", folder=str(self.folder / "sessions"))
        lines += _table(
            "[hosts.staging]",
            address=ssh.host,
            port=ssh.port,
            user=ssh.user,
            identity_file=str(ssh.client_key),
            known_hosts=str(ssh.known_hosts),
        )
        lines += _table("[[collectors]]", kind="generator")
        lines += _table("[[collectors]]", kind="host", host="staging")
        lines += _table("[[collectors]]", kind="gunicorn", host="staging", file=str(self._logs.gunicorn))
        lines += _table(
            "[[collectors]]",
            kind="nginx",
            host="staging",
            access_log=str(self._logs.access),
            error_log=str(self._logs.errors),
        )
        if (postgres := info.postgres) is not None:
            lines += _table(
                "[[collectors]]",
                kind="postgres",
                host="staging",
                port=postgres.port,
                user=postgres.user,
                database=postgres.database,
                password_file=self._secret("postgres", postgres.password),
            )
        if (redis := info.redis) is not None:
            lines += _table(
                "[[collectors]]",
                kind="redis",
                host="staging",
                port=redis.port,
                password_file=self._secret("redis", redis.password),
            )
        return lines

    def _secret(self, name: str, password: str) -> str:
        path = self.folder / f"{name}.password"
        path.touch(mode=0o600)
        path.write_text(password, encoding="utf-8")
        return str(path)


def _table(head: str, **keys: str | int) -> list[str]:
    # A JSON string or number is a TOML one.
    return [head, *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
