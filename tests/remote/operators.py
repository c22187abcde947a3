"""Somebody to ask, and an sshd that knows a password; both for tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from rampdeck.demo.sshd import SshdServer
from rampdeck.remote.asking import Question

PASSWORD = "correct horse 42"
PASSPHRASE = "battery staple 17"

PAM = """
auth required pam_unix.so nodelay
account required pam_permit.so
session required pam_permit.so
"""


class Operator:
    """Answers questions in turn, ``None`` where they leave the host out; ``asked`` is what they were."""

    def __init__(self, *answers: str | None) -> None:
        self.asked: list[Question] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answers = list(answers)

    async def ask(self, question: Question) -> SecretStr | None:
        assert self._answers, f"nobody expected to be asked: {question}"
        self.asked.append(question)
        answer = self._answers.pop(0)
        await self.may_answer.wait()
        return None if answer is None else SecretStr(answer)


def with_password(server: SshdServer, folder: Path) -> SshdServer:
    """Give the server's user a password that sshd and PAM know, and nobody else on this machine.

    They read it from files that lie over the system's own in a mount namespace of
    the server: real sshd, real PAM, and nothing is changed. Only root can do that.
    """
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can give sshd a password of its own (unshare --mount)")
    hashed = subprocess.check_output(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, text=True).strip()
    others = [
        line for line in Path("/etc/shadow").read_text().splitlines() if line.split(":")[0] != server.user
    ]
    shadow, pam = folder / "shadow", folder / "pam"
    shadow.write_text("\n".join([f"{server.user}:{hashed}:20000:0:99999:7:::", *others]) + "\n")
    shadow.chmod(0o600)
    pam.write_text(PAM.lstrip())
    mounts = f"mount --bind {shadow} /etc/shadow && mount --bind {pam} /etc/pam.d/sshd"
    server.process.command[:] = [
        "unshare", "--mount", "--propagation", "private",
        "sh", "-c", f'{mounts} && exec "$@"', "sshd", *server.process.command,
    ]  # fmt: skip
    return server


def locked(
    key: Path, folder: Path, *options: str, passphrase: str = PASSPHRASE, name: str = "locked"
) -> Path:
    """Return a copy of a key that has a passphrase; nothing beside it tells its public half."""
    copy = folder / name
    shutil.copy(key, copy)
    change = ["ssh-keygen", "-q", "-p", "-N", passphrase, *options, "-f", str(copy)]
    subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    return copy


def sessions(server: SshdServer) -> list[psutil.Process]:
    """Return the server's processes for connections."""
    return psutil.Process(server.process.pid).children(recursive=True)


def cut_off(server: SshdServer) -> None:
    """End every connection to the server, as a firewall would."""
    for session in sessions(server):
        with contextlib.suppress(psutil.NoSuchProcess):
            session.kill()


StartSshd = Callable[[str], SshdServer]
