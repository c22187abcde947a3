"""Where everything of a running demo stack is; one line of JSON between the supervisor and the cockpit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True)
class SshInfo:
    """The SSH server; `software` is its own name, such as `OpenSSH_9.2p1` or `AsyncSSH_2.24.1`."""

    host: str
    port: int
    user: str
    client_key: Path
    known_hosts: Path
    software: str


@dataclass(frozen=True)
class GunicornInfo:
    """Gunicorn; exactly one of `journal` (for `journalctl --file`) and `log` (a plain file) is given."""

    unit: str
    journal: Path | None
    log: Path | None
    workers: int
    pid: int
    """The arbiter's process id."""


@dataclass(frozen=True)
class NginxInfo:
    """Nginx; its access log is "combined" and then rt=, uct=, uht=, urt= in seconds and us= (statuses)."""

    access_log: Path
    error_log: Path
    config: Path
    pid: int


@dataclass(frozen=True)
class PostgresInfo:
    """The database and a role for monitoring, which reads and sees everything."""

    host: str
    port: int
    user: str
    database: str
    pid: int
    password: str = field(repr=False)


@dataclass(frozen=True)
class RedisInfo:
    """Redis, cache and sessions of the shop."""

    host: str
    port: int
    pid: int
    password: str = field(repr=False)


@dataclass(frozen=True)
class DemoInfo:
    """A running demo stack. What could not be had is None, and `missing` says why and how to get it."""

    url: str
    """Where users come in, without a slash at the end: Nginx, or Gunicorn itself where Nginx is missing."""
    folder: Path
    supervisor: int
    """The process id of the supervisor."""
    ssh: SshInfo
    gunicorn: GunicornInfo
    nginx: NginxInfo | None
    postgres: PostgresInfo | None
    redis: RedisInfo | None
    django: str
    users: Path
    """The test accounts: a CSV file with the columns `username` and `password`."""
    release: dict[str, str]
    """Shell commands that print a fact: `commit`, `image`, `workers`, `nginx_config`, `database`."""
    missing: dict[str, str]
    """Name of a part (`nginx`, `postgres`, `redis`, `journal`, `openssh`) to a sentence."""

    def to_json(self) -> str:
        """Write everything as one line, passwords included."""
        return _INFO.dump_json(self).decode()

    @classmethod
    def from_json(cls, line: str | bytes) -> DemoInfo:
        """Read what `to_json` wrote; pydantic's ValidationError when it is something else."""
        return _INFO.validate_json(line)


_INFO = TypeAdapter(DemoInfo)
