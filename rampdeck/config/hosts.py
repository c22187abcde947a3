"""The tables that say what is read, and what the record is to tell of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rampdeck.config.model import Model, Seconds


class HostConfig(Model):
    """``[hosts.NAME]``: how to reach a host.

    What is not given comes from ``~/.ssh/config`` and the agent. ``address``
    defaults to the name. The host ``local`` is this machine and needs no table.
    ``jump`` is the host of this file that the way leads over. A password, and
    the passphrase of a key file, are asked for in the cockpit; where nobody can
    be asked, they come from an environment variable or a file.
    """

    address: str = ""
    user: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    identity_file: Path | None = None
    known_hosts: Path | None = None
    jump: str = ""
    password_env: str = ""
    password_file: Path | None = None
    passphrase_env: str = ""
    passphrase_file: Path | None = None
    local: bool = False
    connect_timeout: Seconds = 10.0


class Command(Model):
    """A command whose first line of output is a fact of the release."""

    command: str
    host: str = "local"


class ReleaseConfig(Model):
    """``[release]``: the facts of the decision record.

    Each is a text, or ``{ command = "...", host = "..." }`` to be asked for.
    What is not given is taken from what the stack says of itself; ``folder`` on
    ``host`` is where the release lies, as a git work tree or with a ``REVISION``.
    """

    folder: str = Field("", pattern=r"^(/.*)?$")
    host: str = "local"

    commit_sha: str | Command = ""
    image_tag: str | Command = ""
    gunicorn_workers: str | Command = ""
    nginx_config_version: str | Command = ""
    database_size_note: str | Command = ""
    notes: str = ""
