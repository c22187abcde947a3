"""Real servers for the tests, most of them one for the whole run, started when first asked for.

They are the demo's own (`rampdeck.demo`): each has host, port, users and paths as attributes, and `stop()`,
`start()` and `restart()`, which keep port and data. A test that stops one starts it again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rampdeck.demo.journal import JournalWriter
from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import (
    ServerProcess,
    free_port,
    hand_over,
    make_folder,
    require_program,
    tcp_answers,
    unprivileged_user,
)
from rampdeck.demo.servers import PostgresServer, RedisServer, Server
from rampdeck.demo.sshd import SshdServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """One folder for all servers, in reach of Nginx's workers and PostgreSQL's user, unlike pytest's own."""
    folder = make_folder("rampdeck-tests-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[PostgresServer]:
    """PostgreSQL with the roles `monitor` (user, password) and `shop` (owner, owner_password)."""
    with PostgresServer.create(servers_folder) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path) -> Iterator[RedisServer]:
    """Redis with a password."""
    with RedisServer.create(servers_folder) as server:
        yield server


@pytest.fixture(scope="session")
def sshd_server(servers_folder: Path) -> Iterator[SshdServer]:
    """OpenSSH's sshd with a client key and a known_hosts file, for the user who runs the tests."""
    with SshdServer.create(servers_folder) as server:
        yield server


class UpstreamServer(Server):
    """The HTTP server of tests/upstream.py, for Nginx to stand in front of."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = str(Path(__file__).with_name("upstream.py"))
        self.process = ServerProcess(
            "upstream", [sys.executable, program, str(self.port)], folder / "upstream.log"
        )

    def answers(self) -> bool:
        return tcp_answers(self.port)


@pytest.fixture(scope="session")
def upstream_server(servers_folder: Path) -> Iterator[UpstreamServer]:
    """What stands behind `nginx_server`; stop it to see 502."""
    with UpstreamServer(servers_folder) as server:
        yield server


@pytest.fixture(scope="session")
def nginx_server(servers_folder: Path, upstream_server: UpstreamServer) -> Iterator[NginxServer]:
    """Nginx in front of `upstream_server`; files put into its `static` folder are served under `/static/`."""
    with NginxServer.create(servers_folder, upstream_server.url) as server:
        yield server


CADDYFILE = """
{{
    admin 127.0.0.1:{admin}
    auto_https off
    skip_install_trust
    storage file_system {folder}/data
}}
http://127.0.0.1:{port} {{
    log {{
        output file {folder}/access.log
    }}
    handle /refused/* {{
        reverse_proxy 127.0.0.1:{closed}
    }}
    handle /dead/* {{
        reverse_proxy 127.0.0.1:{closed} {{
            fail_duration 60s
        }}
    }}
    handle /missing/* {{
        reverse_proxy unix/{folder}/none.sock
    }}
    handle /tls/* {{
        reverse_proxy https://{upstream}
    }}
    handle /slow/* {{
        reverse_proxy {upstream} {{
            transport http {{
                response_header_timeout 300ms
            }}
        }}
    }}
    handle_path /short/* {{
        request_body {{
            max_size 10
        }}
        reverse_proxy {upstream}
    }}
    handle /own/* {{
        respond "ours" 503
    }}
    handle {{
        reverse_proxy {upstream}
    }}
}}
"""


class CaddyServer(Server):
    """Caddy in front of `upstream_server`: requests in `access_log`, everything else in `log`, both JSON."""

    def __init__(self, parent: Path, upstream: str) -> None:
        program = require_program("caddy", "caddy")
        # Never as root: what it could do to this machine's certificates is no business of a test.
        user = unprivileged_user("www-data", "nobody")
        self.folder = parent / "caddy"
        self.folder.mkdir(mode=0o711)
        hand_over(self.folder, user)
        self.port, self.admin = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.access_log, self.log = self.folder / "access.log", self.folder / "caddy.log"
        self.config = self.folder / "Caddyfile"
        places = {"admin": self.admin, "port": self.port, "closed": free_port(), "folder": self.folder}
        self.config.write_text(CADDYFILE.format(upstream=upstream, **places).lstrip())
        self._arguments = [
            program,
            "reload",
            "--config",
            str(self.config),
            "--address",
            f"127.0.0.1:{self.admin}",
        ]
        home = {name: str(self.folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        command = [program, "run", "--config", str(self.config)]
        self.process = ServerProcess("Caddy", command, self.log, user=user, environment=home)

    def answers(self) -> bool:
        return tcp_answers(self.port)

    def reload(self) -> None:
        """Have it read its configuration anew, as an administrator would."""
        subprocess.run(self._arguments, check=True, capture_output=True)


@pytest.fixture(scope="session")
def caddy_server(servers_folder: Path, upstream_server: UpstreamServer) -> Iterator[CaddyServer]:
    """Caddy in front of `upstream_server`, with locations that fail in many ways."""
    with CaddyServer(servers_folder, f"127.0.0.1:{upstream_server.port}") as server:
        yield server


@pytest.fixture
def journal_writer(tmp_path: Path) -> Iterator[JournalWriter]:
    """A real journal file, empty, fed by the test: `.write(message, unit=..., priority=..., pid=...)`."""
    with JournalWriter.create(tmp_path) as writer:
        yield writer
