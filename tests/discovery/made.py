"""Hosts that are made up: what one look at them shows, which files they have, and what answers there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

from rampdeck.discovery.finder import Found, discover
from rampdeck.discovery.seen import look
from rampdeck.discovery.ways import Target
from rampdeck.errors import CommandFailed, HostUnreachable, TunnelRefused
from rampdeck.remote import Completed, Remote, Stream
from rampdeck.remote.hosts import Hosts

BUILD = """== build
--prefix=/usr/share/nginx
--conf-path=/etc/nginx/nginx.conf
--error-log-path=/var/log/nginx/error.log
--http-log-path=/var/log/nginx/access.log
"""
NGINX = """process 700 1 nginx: master process /usr/sbin/nginx -g daemon on; master_process on;\t
group /system.slice/nginx.service
"""
SITES = {
    "/etc/nginx/nginx.conf": "http { access_log /var/log/nginx/all.log; include sites-enabled/*; }",
    "/etc/nginx/sites-enabled/*": """
        upstream shop { server unix:/run/shop.sock fail_timeout=0; }
        server { listen 80; server_name admin.example.com; access_log off;
                 location / { proxy_pass http://127.0.0.1:9000; } }
        server { listen 80; listen [::]:80; server_name shop.example.com;
                 access_log logs/shop.log timed; error_log /var/log/nginx/shop.error.log warn;
                 location /static/ { alias /srv/static/; }
                 location / { proxy_pass http://shop; } }""",
}


def gunicorn(pid: int, bind: str, *, group: str = "", more: str = "") -> str:
    """The lines of a Gunicorn with a worker, of another user: nothing of it may be read."""
    words = f"/srv/venv/bin/python3.12\t/srv/venv/bin/gunicorn\t--bind\t{bind}\t{more}shop.wsgi\t"
    return f"process {pid} 1 {words}\ngroup {group}\ncwd \nprocess {pid + 1} {pid} {words}\n"


def shown(processes: str = "", *, more: str = "", user: str = "deploy") -> str:
    """What a look shows."""
    return f"== user\n{user}\n{BUILD}== processes\n{processes}{more}"


@dataclass
class Host:
    """A made-up host with the face of a remote one; nothing listens on it."""

    host: str = "web"
    shows: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    refuses: bool = False
    local: bool = False
    heard: list[str] = field(default_factory=list)

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:  # noqa: ARG002
        if self.refuses:
            raise HostUnreachable(
                f"{self.host} cannot be reached", "the connection was refused", "Start sshd"
            )
        self.heard.append(command)
        if command == look():
            return Completed(command, self.status, self.shows.encode(), b"")
        if "# configuration file" in command:
            names = [name for name in self.files if shlex.quote(name) in command or name in command]
            parts = [f"\0# configuration file {name}:\n{self.files[name]}" for name in names]
            return Completed(command, 0, "".join(parts).encode(), b"")
        return Completed(command, 0, b"", b"")

    def talk(self, command: str) -> AbstractAsyncContextManager[Stream]:  # noqa: ARG002
        raise CommandFailed("the application cannot be asked", "there is no Python")

    def tunnel(self, host: str, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:  # noqa: ARG002
        raise TunnelRefused("nothing listens there")

    def tunnel_socket(self, path: PurePosixPath) -> AbstractAsyncContextManager[Path]:  # noqa: ARG002
        raise TunnelRefused("nothing listens there")


async def found_on(*hosts: Host, target: str = "") -> Found:
    """Look at made-up hosts."""

    class Made:
        def remote(self, name: str) -> Remote:
            return cast("Remote", next(one for one in hosts if one.host == name))

    return await discover(Target(target), [one.host for one in hosts], cast("Hosts", Made()), lambda _: None)


def table(found: Found, kind: str) -> dict[str, object]:
    """The values of the one table of a kind."""
    (one,) = [table for table in found.draft.tables if table.data().get("kind") == kind]
    return {} if one.open else one.data()


def missing(found: Found) -> str:
    """All that could not be found."""
    return "\n".join(map(str, found.draft.missing))
