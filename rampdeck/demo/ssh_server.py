"""asyncssh's SSH server, for machines without OpenSSH's: `python -m rampdeck.demo.ssh_server FOLDER PORT`.

A process of its own, since asyncssh must not be imported where it is not needed. It makes the keys, writes
`client_key`, `known_hosts` and `authorized_keys` into FOLDER, and serves: public key login only, commands
through the user's shell, forwarding of ports and sockets. A command ends with its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import asyncssh

from rampdeck.demo.process import HOST, write_secret


class Forwarding(asyncssh.SSHServer):
    """Allows every forward: whoever has the key owns this machine's demo anyway."""

    def connection_requested(self, *_: object) -> bool:
        """Allow a TCP forward."""
        return True

    def unix_connection_requested(self, _: str) -> bool:
        """Allow a forward to a unix socket."""
        return True


async def run_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run one command, or a shell that reads its commands from the channel, until it or the channel ends."""
    shell = os.environ.get("SHELL", "/bin/sh")
    command = [shell, "-c", process.command] if process.command else [shell, "-s"]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    ended = asyncio.ensure_future(child.wait())
    closed = asyncio.ensure_future(process.wait_closed())
    await asyncio.wait({ended, closed}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
    process.exit(await ended)
    await closed


async def serve(folder: Path, port: int) -> None:
    """Make the keys, then serve until SIGTERM."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    write_secret(folder / "client_key", client_key.export_private_key().decode())
    host_line = host_key.export_public_key().decode().strip()
    (folder / "known_hosts").write_text(f"[{HOST}]:{port} {host_line}\n")
    authorized = folder / "authorized_keys"
    authorized.write_bytes(client_key.export_public_key())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncssh.listen(
        HOST,
        port,
        server_factory=Forwarding,
        server_host_keys=[host_key],
        authorized_client_keys=str(authorized),
        process_factory=run_command,
        encoding=None,
        password_auth=False,
        kbdint_auth=False,
    ):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
