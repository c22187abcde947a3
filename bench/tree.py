"""What a tree of processes takes of a machine: processor, memory, files. Linux's /proc, see proc(5)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

TICK = 1 / os.sysconf("SC_CLK_TCK")
WRITING = os.O_WRONLY | os.O_RDWR
NO_FILE = ("/dev/", "pipe:", "socket:", "anon_inode:")


@dataclass(frozen=True, slots=True)
class Taken:
    """What processes have taken so far, with those that they have seen end.

    ``cpu`` in seconds, ``written`` in bytes to a disk; of now: ``pss`` and
    ``private`` bytes of memory (a mapped file that others map too is in the
    former by its share), ``writable`` the files that are open for writing.
    """

    processes: int = 0
    cpu: float = 0.0
    written: int = 0
    pss: int = 0
    private: int = 0
    writable: tuple[str, ...] = ()

    def plus(self, other: Taken) -> Taken:
        """Return both together."""
        return Taken(
            self.processes + other.processes,
            self.cpu + other.cpu,
            self.written + other.written,
            self.pss + other.pss,
            self.private + other.private,
            self.writable + other.writable,
        )


def listener(port: int) -> int:
    """Return the process that listens on a TCP port of this machine."""
    for found in psutil.net_connections("tcp"):
        if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,) and found.pid:
            return found.pid
    raise LookupError(f"nobody listens on port {port}")


class Tree:
    """The processes below one, itself left out, as they are at this moment: names and children by id."""

    def __init__(self, root: int) -> None:
        self.names: dict[int, str] = {}
        self.children: dict[int, list[int]] = {}
        for folder in Path("/proc").iterdir():
            # Whoever ends while one looks is gone.
            with suppress(OSError, ValueError):
                pid = int(folder.name)
                head, _, rest = (folder / "stat").read_text().rpartition(")")
                self.names[pid] = head.partition("(")[2]
                self.children.setdefault(int(rest.split()[1]), []).append(pid)
        self.all = list(self.below(root))

    def below(self, root: int) -> Iterator[int]:
        """Yield every process below one."""
        for child in self.children.get(root, ()):
            yield child
            yield from self.below(child)


def taken_by(processes: Iterable[int]) -> Taken:
    """Return what processes have taken together; nothing of those that have just ended."""
    whole = Taken()
    for pid in processes:
        with suppress(OSError, KeyError):
            whole = whole.plus(_taken(Path(f"/proc/{pid}")))
    return whole


def _taken(here: Path) -> Taken:
    own = int((here / "schedstat").read_text().split()[0]) / 1e9
    stat = (here / "stat").read_text().rpartition(")")[2].split()
    ended = (int(stat[13]) + int(stat[14])) * TICK
    written, memory = _named(here / "io")["write_bytes"], _named(here / "smaps_rollup")
    private = (memory["Private_Clean"] + memory["Private_Dirty"]) * 1024
    return Taken(1, own + ended, written, memory["Pss"] * 1024, private, tuple(_writable(here / "fd")))


def _named(path: Path) -> dict[str, int]:
    lines = (line.replace(":", " ").split() for line in path.read_text().splitlines()[-40:])
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _writable(folder: Path) -> Iterator[str]:
    for link in folder.iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            info = (folder.with_name("fdinfo") / link.name).read_text()
            flags = next(int(line.split()[1], 8) for line in info.splitlines() if line.startswith("flags:"))
            if flags & WRITING and not target.startswith(NO_FILE):
                yield target
