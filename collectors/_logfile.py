"""What a host says of a log file, before it is read: where it is, how it ends, what it was rotated to.

One short command of ``stat``, ``tail`` and ``head``, in words that GNU's and busybox's both know.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from rampdeck.errors import SourceError
from rampdeck.remote import Remote

from ._lines import text_of

REMEMBERED = 512
"""Bytes before the offset that tell a file from another: two lines of a log, with their times."""
_FILE = re.compile(r"^(\d+) (\d+) (\d+) (.+)$", re.MULTILINE)


class LogFile(NamedTuple):
    """A file as ``stat`` tells it: times in whole seconds."""

    inode: int
    size: int
    modified: int
    path: str


class Probe(NamedTuple):
    """What a host says of a log file: itself, its last bytes, and what it was rotated to."""

    utc_offset: int
    polls: bool
    file: LogFile | None
    last: bytes
    rotated: tuple[LogFile, ...]


def look(name: str) -> str:
    """Return the command that tells what a :class:`Probe` holds."""
    path = shlex.quote(name)
    return (
        "LC_ALL=C; export LC_ALL; date +%z; id -un; "
        "tail ---disable-inotify -c 0 /dev/null >/dev/null 2>&1; echo $?; "
        f"f=$(stat -L -c '%i %s %Y %n' -- {path}) || exit 2; test -f {path} || exit 3; echo \"$f\"; "
        f"stat -c '%i %s %Y %n' -- {path}[.-]* 2>/dev/null; "
        # The last bytes of that size, though the log may have grown since.
        f"s=${{f#* }}; s=${{s%% *}}; s=$((s > {REMEMBERED} ? s - {REMEMBERED} + 1 : 1)); "
        f"printf '\\0'; tail -c +$s -- {path} | head -c {REMEMBERED}; "
        f"head -c 1 -- {path} >/dev/null || exit 2"
    )


async def probe(remote: Remote, path: str) -> Probe:
    """Ask a host about a log file.

    Raises :class:`SourceError` where it cannot be read; one that is not there is no error.
    """
    found = await remote.run(look(path))
    said, _, last = found.stdout.partition(b"\0")
    zone, user, polls, *_ = [*text_of(said).splitlines(), "", "", ""]
    files = [
        LogFile(int(inode), int(size), int(modified), name)
        for inode, size, modified, name in _FILE.findall(text_of(said))
    ]
    if found.status == 0 and files:
        return Probe(_seconds_east(zone), polls == "0", files[0], last, tuple(files[1:]))
    if b"No such file" in found.stderr:
        return Probe(0, False, None, b"", ())
    what = f"cannot read {path} {on(remote)}"
    if found.status == 3:
        raise SourceError(what, "it is no ordinary file", "Name the file that the log is written to")
    if b"Permission denied" in found.stderr:
        fix = f"Add the user to the group that may, mostly: sudo usermod -aG adm {user}"
        raise SourceError(what, f"user {user} has no right to", fix)
    raise SourceError(what, last_line(found.stderr))


def on(remote: Remote) -> str:
    """Return where a host is, as a message says it."""
    return "on this machine" if remote.local else f"on {remote.host}"


def last_line(output: bytes) -> str:
    """Return the last line that a command wrote, which mostly is why it failed."""
    lines = text_of(output).strip().splitlines()
    return lines[-1][:300] if lines else ""


def _seconds_east(zone: str) -> int:
    """Return the offset in seconds of ``date +%z``'s answer, such as ``-0330``."""
    if not re.fullmatch(r"[+-]\d{4}", zone):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:])
    return (-minutes if zone[0] == "-" else minutes) * 60
