"""What a host pays for being watched: processor, memory, channels, the wire, files.

A usual host with everything on it, read over SSH: Gunicorn's log, both logs of
Nginx with 50 lines a second, the host itself, its clock, PostgreSQL and Redis
through tunnels; once with Gunicorn's log as a file and once as a journal.
Counted are sshd's processes for our connection and all below them, those that
ended among them; not what the databases do to answer.

The journal is journald's own (for root only): it says at most four times a
second that there is something new, so that ``journalctl`` and sshd hand lines
over in bunches. systemd-journal-remote, which is quicker set up, says so at every line.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from bench.hostside import HostCost, Part
from bench.loopback import ROOT
from bench.report import Aim
from bench.runs import RunFailed
from bench.sources import Watched
from rampdeck.demo.journal import UNIT
from rampdeck.demo.sshd import SshdServer
from tests.journald import JournaldServer

LEAST = 30.0
"""Seconds that are measured at least: the clock is read every 30 s."""
CPU_LIMIT, MEMORY_LIMIT, CHANNELS_LIMIT = 1.0, 20e6, 8
HOST = "staging"


class JournalLines:
    """A journal that gets as many lines as the log file of :class:`bench.sources.Logs`."""

    def __init__(self, folder: Path) -> None:
        self._journald = JournaldServer.create(folder)
        self.namespace = self._journald.namespace
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._journald.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._journald.__exit__(*error)

    def _write(self) -> None:
        while not self._over.wait(1 / 45):
            self._journald.write(b"[INFO] order 5123 placed by ann: 2 x Assam Tea")


@contextmanager
def own_sshd(folder: Path) -> Iterator[str]:
    """Start an sshd for this alone; yields the table of its host.

    The home folder of its logins is empty: each session begins with the login
    shell, and what that does in its start-up files is not ours to count.
    """
    (folder / "home").mkdir()
    server = SshdServer.create(folder)
    conf = server.folder / "sshd_config"
    conf.write_text(f"SetEnv HOME={folder / 'home'}\n{conf.read_text()}")
    table = {
        "address": server.host,
        "port": server.port,
        "user": server.user,
        "identity_file": str(server.client_key),
        "known_hosts": str(server.known_hosts),
    }
    with server:
        yield "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + "\n"


def measured(folder: Path, target: str, seconds: float, tell: Callable[[str], None]) -> dict[str, HostCost]:
    """Measure a host with Gunicorn's log as a file, and one with it as a journal."""
    seconds = max(seconds, LEAST)
    here = folder / "host"
    here.mkdir()
    found: dict[str, HostCost] = {}
    with ExitStack() as stack:
        watched = stack.enter_context(Watched(here, target))
        journal = stack.enter_context(JournalLines(here))
        sshd = stack.enter_context(own_sshd(here))
        text = watched.configuration.read_text(encoding="utf-8")
        text = re.sub(rf"(?<=\[hosts\.{HOST}\]\n)(?:.+\n)+", lambda _: sshd, text)
        where = f'unit = "{UNIT}"\nnamespace = {json.dumps(journal.namespace)}'
        as_journal = re.sub(
            r'(?<=kind = "gunicorn"\n)((?:.+\n)*?)file = .*', lambda found: found[1] + where, text
        )
        for what, written in (("log file", text), ("journal", as_journal)):
            tell(f"host, Gunicorn's {what}, {seconds:.0f} s")
            path = here / "host.toml"
            path.write_text(written, encoding="utf-8")
            found[what] = _measured(path, seconds)
    return found


def _measured(configuration: Path, seconds: float) -> HostCost:
    command = [sys.executable, "-m", "bench.hostside", str(configuration), HOST, str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"the host could not be measured:\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout)
    return HostCost(**told | {"parts": {what: Part(**part) for what, part in told["parts"].items()}})


def tables(found: dict[str, HostCost]) -> Iterator[str]:
    """Yield what each host pays, and for what."""
    yield (
        "| Gunicorn's log | CPU, of a core | memory (PSS) | private | connections | channels | "
        "from the host | to the host | written to disk |"
    )
    yield "| --- " * 9 + "|"
    for what, cost in found.items():
        channels = f"{cost.channels}, at most {cost.most_channels}"
        wire = f"{cost.received / 1e3:.1f} kB/s | {cost.sent / 1e3:.1f} kB/s"
        files = f"{cost.written} B, {len(cost.writable)} files open for writing"
        memory = f"{_megabytes(cost.pss)} | {_megabytes(cost.private)}"
        cpu = f"{cost.cpu_percent:.2f} %"
        yield f"| {what} | {cpu} | {memory} | {cost.connections} | {channels} | {wire} | {files} |"
    yield ""
    yield "| Gunicorn's log | what | processes | CPU, of a core | memory (PSS) | private |"
    yield "| --- " * 6 + "|"
    for what, cost in found.items():
        for name, part in sorted(cost.parts.items(), key=lambda pair: -pair[1].cpu_percent):
            memory = f"{_megabytes(part.pss)} | {_megabytes(part.private)}"
            yield f"| {what} | {name} | {part.processes} | {part.cpu_percent:.2f} % | {memory} |"


def aims(found: dict[str, HostCost]) -> list[Aim]:
    """Return the aims for the dearer of the two."""
    costs = found.values()
    cpu, memory = max(cost.cpu_percent for cost in costs), max(cost.pss for cost in costs)
    channels = max(cost.most_channels for cost in costs)
    connections = max(cost.connections for cost in costs)
    written = max(cost.written for cost in costs)
    files = max(len(cost.writable) for cost in costs)
    return [
        Aim("processor that a host pays", f"< {CPU_LIMIT:g} % of a core", f"{cpu:.2f} %", cpu < CPU_LIMIT),
        Aim(
            "memory that a host pays",
            f"< {_megabytes(int(MEMORY_LIMIT))}",
            _megabytes(memory),
            memory < MEMORY_LIMIT,
        ),
        Aim("connections to a host", "1", str(connections), connections == 1),
        Aim("channels in it", f"<= {CHANNELS_LIMIT}", str(channels), channels <= CHANNELS_LIMIT),
        Aim("files written on a host", "none", f"{written} B, {files} open", written == 0 and files == 0),
    ]


def doubts(found: dict[str, HostCost]) -> Iterator[str]:
    """Yield which sources were not read as they should have been: they cost less then."""
    for what, cost in found.items():
        for source, state in cost.sources.items():
            if state != "live":
                yield f"Gunicorn's log as a {what}: {source} was not read: {state}"
        for path in cost.writable:
            yield f"Gunicorn's log as a {what}: {path} was open for writing"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
