"""The files that workers on other hosts need, in a private folder there, removed afterwards."""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from rampdeck.errors import CommandFailed, RemoteError, UsageError
from rampdeck.remote import Completed, Remote

PIECE = 60_000
"""Characters sent in one command: a system takes arguments of at most 128 KiB."""
MOST = 8 * 1024 * 1024
"""Bytes that may be sent, packed."""
_FOLDER = re.compile(r"/[\w./-]*rampdeck-worker\.\w+")


class Luggage:
    """Locustfiles and what they need; paths below the first one's folder keep their place."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    @asynccontextmanager
    async def on(self, remote: Remote) -> AsyncIterator[str]:
        """Unpack the files in a new folder of a host; yields its path and removes it in the end.

        Raises :class:`RemoteError` when that cannot be done there, and
        :class:`UsageError` when a file cannot be read here.
        """
        packed = base64.b64encode(self._packed()).decode()
        made = await _done(remote, _MAKE)
        folder = made.stdout.decode("utf-8", "replace").strip()
        if not _FOLDER.fullmatch(folder):
            raise CommandFailed(f"cannot make a folder on {remote.host}", f'mktemp said "{folder[:80]}"')
        try:
            for start in range(0, len(packed), PIECE):
                await _done(remote, _piece(folder, packed[start : start + PIECE]))
            await _done(remote, _unpack(folder), timeout=60.0)
            yield folder
        finally:
            with suppress(RemoteError):
                await remote.run(_remove(folder))

    @staticmethod
    def asks() -> tuple[str, ...]:
        """Return every command that it sends, with words in capitals for what is not known before."""
        return (_MAKE, _piece("FOLDER", "FILES"), _unpack("FOLDER"), _remove("FOLDER"))

    def _packed(self) -> bytes:
        top = self._files[0].resolve().parent
        memory = io.BytesIO()
        try:
            with tarfile.open(fileobj=memory, mode="w:gz") as archive:
                for file in self._files:
                    path = file.resolve()
                    inside = path.is_relative_to(top) and path != top
                    name = str(path.relative_to(top)) if inside else path.name
                    archive.add(path, name, filter=_plain)
        except OSError as error:
            what = f"cannot send {error.filename or 'a file'} to the workers"
            raise UsageError(what, os.strerror(error.errno or 0)) from None
        if memory.tell() > MOST:
            raise UsageError("the files of the workers are too large", f"more than {MOST >> 20} MiB packed")
        return memory.getvalue()


_MAKE = 'umask 077; mktemp -d "${TMPDIR:-/tmp}/rampdeck-worker.XXXXXXXX"'


def _piece(folder: str, text: str) -> str:
    return f"printf %s {text} >> {folder}/.packed"


def _unpack(folder: str) -> str:
    return f"umask 077; cd {folder} && base64 -d .packed | tar -xzf - && rm .packed"


def _remove(folder: str) -> str:
    return f"rm -rf {shlex.quote(folder)}"


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what Python makes by itself, and who owns the files here."""
    if "__pycache__" in member.name:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


async def _done(remote: Remote, command: str, *, timeout: float = 10.0) -> Completed:
    done = await remote.run(command, timeout=timeout)
    if done.status != 0:
        why = done.stderr.decode("utf-8", "replace").strip()[-200:] or f"exit status {done.status}"
        raise CommandFailed(f"the workers' files cannot be put on {remote.host}", why)
    return done
