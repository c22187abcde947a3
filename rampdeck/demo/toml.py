"""The demo's ``rampdeck.toml``: the stack as an operator would have written it down."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import rampdeck
from rampdeck.demo.faults import FAULTS
from rampdeck.demo.info import DemoInfo
from rampdeck.demo.site import ACCOUNTS, ORDERS, SETTINGS, candidate, image_of

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
OWN = (
    "SECRET_KEY",
    "DATABASES.default.ENGINE",
    "DATABASES.default.HOST",
    "DATABASES.default.NAME",
    "DATABASES.default.OPTIONS.*",
    "DATABASES.default.PASSWORD",
    "DATABASES.default.PORT",
    "DATABASES.default.USER",
    "CACHES.*",
    "SESSION_ENGINE",
    "STATIC_ROOT",
    "SERVE_STATIC",
    "LOGGING*",
    "WAREHOUSE_URL",
    "LOCAL*",
    "FAULTS",
)
"""Settings that differ from start to start, or with the parts of the stack that are there."""
_Value = str | int | list[str] | Mapping[str, str] | Mapping[str, int]
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
    production = ["203.0.113.0/24"]  # of TEST-NET-3 (RFC 5737): nobody's
    yield from _table(
        "[target]", host=info.url, environment="demo", production=production, calls_third_parties=False
    )
    yield from _preflight(info)
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
        journal = gunicorn.journal.with_name("moved") if "unreadable-journal" in faults else gunicorn.journal
        yield from _collector("gunicorn", unit=gunicorn.unit, journal_file=str(journal))
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


def _preflight(info: DemoInfo) -> Iterator[str]:
    """Return what the stack must look like: where its application is asked, and what of it is expected."""
    yield from _table(
        "[django]",
        host=HOST,
        folder=str(Path(rampdeck.__file__).parents[1]),
        python=sys.executable,
        settings=SETTINGS,
        environment={"RAMPDECK_SHOP": str(info.folder / "site" / "settings.json")},
    )
    rows = {"auth_user": ACCOUNTS, "orders_order": ORDERS} if info.postgres else {}
    commit = candidate()
    yield from _table(
        "[preflight]",
        baseline=str(Path(__file__).with_name("production.json")),
        ignore=list(OWN),
        commit=commit,
        image=image_of(commit),
        rows=rows,
    )
    yield from _table("[preflight.login]", page="/dashboard/", accounts=str(info.users))


def _collector(kind: str, host: str = HOST, **keys: str | int) -> Iterator[str]:
    return _table("[[collectors]]", kind=kind, host=host, **keys)


def _table(head: str, **keys: _Value) -> Iterator[str]:
    yield head
    for key, value in keys.items():
        yield f"{key} = {_value(value)}"
    yield ""


def _value(value: _Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case Mapping():
            return "{ " + ", ".join(f"{_text(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_text, value)) + "]"
    return str(value)


def _text(value: str) -> str:
    # A JSON string without surrogates is a TOML basic string.
    return json.dumps(value, ensure_ascii=False)


def _password_file(info: DemoInfo, name: str) -> Path:
    return info.folder / f"{name}.password"


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
