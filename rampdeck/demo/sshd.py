"""SSH servers on loopback, with a fresh host key and one client key, for the user who runs them."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck.demo.process import HOST, ServerProcess, free_port, last_lines, require_program
from rampdeck.demo.servers import Server
from rampdeck.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping

SSHD_CONF = """
ListenAddress {host}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
MaxSessions 10
Subsystem sftp internal-sftp
"""

PRIVILEGE_SEPARATION = Path("/run/sshd")
"""The empty folder that sshd wants when root starts it; Debian's service makes it at boot, and so do we."""


@dataclass(frozen=True)
class SshServer(Server):
    """An SSH server with public key login only; `known_hosts` holds its host key under `[host]:port`."""

    folder: Path
    port: int
    process: ServerProcess = field(repr=False)
    user: str
    client_key: Path
    known_hosts: Path
    host: str = HOST

    @property
    def banner(self) -> str:
        """What the server calls itself, such as `OpenSSH_9.2p1`; empty while it does not answer."""
        return read_banner(self.port)

    def answers(self) -> bool:
        """Whether the server greets."""
        return bool(self.banner)

    def client_command(self, *command: str) -> list[str]:
        """Build the OpenSSH client's command line for this server, with strict host key checking."""
        options: Mapping[str, object] = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": 10,
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        ssh = require_program("ssh", "openssh-client")
        login = ["-i", str(self.client_key), "-p", str(self.port), f"{self.user}@{self.host}"]
        return [ssh, "-F", "none", *flags, *login, *command]

    def check_login(self) -> None:
        """Log in once.

        Raises DemoError when the server answers but refuses: a locked account, a shell of /usr/sbin/nologin.
        """
        command = self.client_command("true")
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if run.returncode != 0:
            said = run.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            reason = last_lines(self.process.log, 1)
            raise DemoError(f"{self.process.name} refuses a login: {said} Its log says: {reason}.")


class SshdServer(SshServer):
    """OpenSSH's sshd."""

    @classmethod
    def create(cls, parent: Path) -> SshdServer:
        """Prepare a new server below `parent`, with its keys."""
        program = require_program("sshd", "openssh-server")
        folder, port = _folder(parent), free_port()
        client_key, known_hosts = folder / "client_key", folder / "known_hosts"
        known_hosts.write_text(f"[{HOST}]:{port} {make_key(folder / 'host_key')}\n")
        (folder / "authorized_keys").write_text(make_key(client_key) + "\n")
        conf = SSHD_CONF.format(host=HOST, port=port, folder=folder)
        if _openssh_version(program) >= (9, 8):
            conf += "PerSourcePenalties no\n"  # a refused key would lock the loopback out for seconds
        (folder / "sshd_config").write_text(conf.lstrip())
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        command = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
        process = ServerProcess("sshd", command, folder / "sshd.log")
        return cls(folder, port, process, _user(), client_key, known_hosts)


class AsyncsshServer(SshServer):
    """asyncssh's server in a child process, which makes the keys itself."""

    @classmethod
    def create(cls, parent: Path) -> AsyncsshServer:
        """Prepare a new server below `parent`; its key files exist once it answers."""
        folder, port = _folder(parent), free_port()
        command = [sys.executable, "-P", "-m", "rampdeck.demo.ssh_server", str(folder), str(port)]
        process = ServerProcess("asyncssh's server", command, folder / "sshd.log")
        return cls(folder, port, process, _user(), folder / "client_key", folder / "known_hosts")


def _folder(parent: Path) -> Path:
    folder = parent / "sshd"
    folder.mkdir(mode=0o711)
    return folder


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def make_key(path: Path) -> str:
    """Make an ed25519 key pair without a passphrase; returns the public key's line."""
    keygen = require_program("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "rampdeck", "-f", str(path)], check=True)
    return path.with_name(path.name + ".pub").read_text().strip()


def read_banner(port: int) -> str:
    """Ask for the software that an SSH server announces (RFC 4253, 4.2); empty when none answers."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 2.0) as link:
        found = re.match(r"SSH-2\.0-(\S+)", link.recv(256).decode(errors="replace"))
        return found[1] if found else ""
    return ""


def _openssh_version(program: str) -> tuple[int, int]:
    run = subprocess.run([program, "-V"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = re.search(rb"OpenSSH_(\d+)\.(\d+)", run.stderr + run.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
