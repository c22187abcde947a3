"""The demo's ``rampdeck.toml``: the stack as an operator would have written it down."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rampdeck.demo.faults import FAULTS
from rampdeck.demo.info import DemoInfo

HOST = "staging"
"""The demo's one host, as the configuration calls it."""
_PLAN = """
[load]
step = 10
spawn_rate = 5
max_users = 150

[[stages]]
name = "baseline"
users = 20
hold = "45s"

[[stages]]
name = "peak"
users = 50
hold = "60s"

[[stages]]
name = "spike"
users = 100
ramp = "20s"
hold = "25s"

[gate]
thresholds = [
    "p95 < 800ms",
    "p95{name=/dashboard/} < 800ms",
    "error_rate < 1%",
    "rps >= 1",
    "gunicorn.worker_timeout == 0",
]
"""
_FACTS = {
    "commit_sha": "commit",
    "image_tag": "image",
    "gunicorn_workers": "workers",
    "nginx_config_version": "nginx_config",
    "database_size_note": "database",
}
_ABSENT = ("nginx", "postgres", "redis")


def write_configuration(info: DemoInfo, scenario: Path, faults: Sequence[str] = ()) -> Path:
    """Write the configuration, and the passwords it names, into the stack's folder; returns its path.

    Faults stand in the title and in the notes, so that no record of them is taken for one of a release.
    """
    for name, server in (("postgres", info.postgres), ("redis", info.redis)):
        if server is not None:
            _write(_password_file(info, name), server.password)
    path = info.folder / "rampdeck.toml"
    _write(path, "\n".join(_lines(info, scenario, faults)) + _PLAN)
    return path


def _lines(info: DemoInfo, scenario: Path, faults: Sequence[str]) -> Iterator[str]:
    yield from _table("[target]", host=info.url)
    yield from _table("[scenario]", file=str(scenario), name="-".join(["demo-shop", *faults]))
    ssh = info.ssh
    yield from _table(
        f"[hosts.{HOST}]",
        address=ssh.host,
        port=ssh.port,
        user=ssh.user,
        identity_file=str(ssh.client_key),
        known_hosts=str(ssh.known_hosts),
    )
    yield from _collector("generator", host="local")
    yield from _collector("host")
    gunicorn = info.gunicorn
    if gunicorn.journal is not None:
        yield from _collector("gunicorn", unit=gunicorn.unit, journal_file=str(gunicorn.journal))
    else:
        yield from _collector("gunicorn", file=str(gunicorn.log))
    if info.nginx is not None:
        yield from _collector(
            "nginx", access_log=str(info.nginx.access_log), error_log=str(info.nginx.error_log)
        )
    if (postgres := info.postgres) is not None:
        yield from _collector(
            "postgres",
            address=postgres.host,
            port=postgres.port,
            user=postgres.user,
            database=postgres.database,
            password_file=str(_password_file(info, "postgres")),
        )
    if (redis := info.redis) is not None:
        yield from _collector(
            "redis",
            address=redis.host,
            port=redis.port,
            password_file=str(_password_file(info, "redis")),
        )
    for name in _ABSENT:
        if name in info.missing:
            yield from _collector(name, absent=info.missing[name])
    yield "[release]"
    for fact, command in _FACTS.items():
        if command in info.release:
            yield f"{fact} = {{ host = {_text(HOST)}, command = {_text(info.release[command])} }}"
    if faults:
        told = "; ".join(f"{name} ({FAULTS[name].text})" for name in faults)
        yield f"notes = {_text(f'a demo that is broken on purpose: {told}')}"
    yield from ("", "[record]", f"folder = {_text(str(Path.cwd() / 'rampdeck-sessions'))}")


def _collector(kind: str, host: str = HOST, **keys: str | int) -> Iterator[str]:
    return _table("[[collectors]]", kind=kind, host=host, **keys)


def _table(head: str, **keys: str | int) -> Iterator[str]:
    yield head
    for key, value in keys.items():
        yield f"{key} = {_text(value) if isinstance(value, str) else value}"
    yield ""


def _text(value: str) -> str:
    # A JSON string without surrogates is a TOML basic string.
    return json.dumps(value, ensure_ascii=False)


def _password_file(info: DemoInfo, name: str) -> Path:
    return info.folder / f"{name}.password"


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
