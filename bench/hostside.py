"""What the sources of one host cost that host, measured there while they are read over SSH.

``python -m bench.hostside CONFIGURATION HOST SECONDS`` reads them as a run
does, without load and screen, and prints one JSON object. The host must be
this machine, reached through an sshd that nobody else uses.
"""

from __future__ import annotations

from rampdeck import loop  # isort: skip

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.tree import Taken, Tree, listener, taken_by
from collectors import COLLECTORS
from rampdeck import config
from rampdeck.duties import Duties
from rampdeck.model import Health
from rampdeck.readers import Readers
from rampdeck.remote.hosts import Hosts
from rampdeck.session import Session
from rampdeck.sources import sources_of

WARM_UP = 10.0
"""Seconds after which everything has connected, and the clock has had its early readings."""
LOOKS = 0.25
"""Seconds between looks at the channels."""
PATIENCE = 3.0
SSHD = "sshd"
"""What its own processes are called; its log is open for writing, with us and without us."""
KINDS = {
    "journalctl": "journal",
    "tail": "a log file",
    "/proc": "host",
    "date +%s": "clock",
    "docker": "container",
}
"""Words of a command, and what it reads."""


@dataclass
class Part:
    """The processes of one sort of source: its share of a core in per cent, its memory in bytes."""

    processes: int = 0
    cpu_percent: float = 0.0
    pss: int = 0
    private: int = 0


@dataclass
class HostCost:
    """What a host paid over ``seconds``; ``parts`` by what is read, sshd's own processes as one of them.

    ``channels`` were open all the time, ``most_channels`` at the most; bytes
    are what went over the wire in a second, to us and to the host.
    """

    seconds: float
    cpu_percent: float
    pss: int
    private: int
    connections: int
    channels: int
    most_channels: int
    received: float
    sent: float
    written: int
    writable: list[str]
    sources: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)


async def measure(path: Path, name: str, seconds: float) -> HostCost:
    """Read the sources of a host and return what that cost it."""
    settings = config.load(path)
    hosts, failures = Hosts(settings.hosts), list[str]()
    sources = [source for source in sources_of(settings, COLLECTORS, hosts.check) if source.host == name]
    session = Session({source.info.kind: source.collector.view for source in sources}, lambda _: None)
    readers, duties = Readers(sources, hosts, session), Duties(failures.append)
    sshd = listener(settings.hosts[name].port or 22)
    try:
        readers.connect(duties)
        await asyncio.sleep(WARM_UP)
        cost = await _measured(sshd, settings.hosts[name].port or 22, seconds)
    finally:
        await duties.cancel(PATIENCE)
        await hosts.close()
    if failures:
        raise RuntimeError("; ".join(failures))
    cost.sources = {
        source.info.name: source.health.value if source.health is Health.LIVE else source.reason
        for source in session.sources.values()
    }
    return cost


async def _measured(sshd: int, port: int, seconds: float) -> HostCost:
    clock = asyncio.get_running_loop().time
    began, before, wire = clock(), _parts(sshd), _wire(port)
    seen = Counter[int]()
    while clock() - began < seconds:
        await asyncio.sleep(LOOKS)
        seen[len(_channels(Tree(sshd)))] += 1
    passed, now, wire_now = clock() - began, _parts(sshd), _wire(port)
    parts = {}
    for what, taken in now.items():
        cpu = (taken.cpu - before.get(what, Taken()).cpu) / passed * 100
        parts[what] = Part(taken.processes, cpu, taken.pss, taken.private)
    whole, whole_before = _together(now), _together(before)
    return HostCost(
        seconds=passed,
        cpu_percent=(whole.cpu - whole_before.cpu) / passed * 100,
        pss=whole.pss,
        private=whole.private,
        connections=len(_connections(port)),
        channels=min(seen),
        most_channels=max(seen),
        received=(wire_now[0] - wire[0]) / passed,
        sent=(wire_now[1] - wire[1]) / passed,
        written=whole.written - whole_before.written,
        writable=sorted({path for what, taken in now.items() if what != SSHD for path in taken.writable}),
        sources={},
        parts=parts,
    )


def _channels(tree: Tree) -> list[int]:
    """Return the process at the top of each channel: below sshd's own, which are one or two a connection."""
    own = [pid for pid in tree.all if tree.names[pid].startswith("sshd")]
    return [pid for session in own for pid in tree.children.get(session, ()) if pid not in own]


def _parts(sshd: int) -> dict[str, Taken]:
    """Return what was taken by what is read."""
    tree = Tree(sshd)
    channels = {channel: [channel, *tree.below(channel)] for channel in _channels(tree)}
    found = {SSHD: taken_by(set(tree.all) - {pid for below in channels.values() for pid in below})}
    for channel, below in channels.items():
        what = _what(channel)
        found[what] = found.get(what, Taken()).plus(taken_by(below))
    return found


def _what(channel: int) -> str:
    """Return what a channel reads: its command is the last argument of the guard."""
    try:
        command = Path(f"/proc/{channel}/cmdline").read_text(errors="replace")
    except OSError:
        command = ""
    return next((what for word, what in KINDS.items() if word in command), "something else")


def _together(parts: Mapping[str, Taken]) -> Taken:
    whole = Taken()
    for taken in parts.values():
        whole = whole.plus(taken)
    return whole


def _connections(port: int) -> list[str]:
    """Return our connections to the sshd, as ``ss`` tells them."""
    done = subprocess.run(
        ["ss", "-tinHO", "state", "established", f"dport = :{port}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def _wire(port: int) -> tuple[int, int]:
    """Return the bytes that came from the host and went to it so far."""
    text = "\n".join(_connections(port))
    came, went = (re.findall(rf"\b{name}:(\d+)", text) for name in ("bytes_received", "bytes_acked"))
    return sum(map(int, came)), sum(map(int, went))


if __name__ == "__main__":
    file, host, duration = sys.argv[1:]
    print(json.dumps(asdict(loop.run(measure(Path(file), host, float(duration))))))
