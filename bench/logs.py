"""What a flood of log lines costs: over SSH, from a file and from a journal, with the cockpit in a terminal.

A burst is 20 000 numbered lines at once. Counted is what stands in the session
file afterwards, timed is the last line's arrival there; a key pressed meanwhile is
timed until it is on the screen. The yardstick is what ``ssh HOST tail -F`` (for
the journal ``journalctl -f``) takes to hand the same lines over, in the same run.
A steady stream of 2 000 lines a second tells processor time and memory.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.loopback import LoopbackServer
from bench.report import Aim
from bench.runs import LOCUSTFILE, START, Case, RunFailed, plain_environment, shows
from bench.terminal import NotSeen, Terminal
from rampdeck.demo.journal import JournalWriter
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Event, Sample
from rampdeck.store import SessionReader

LINES = 20_000
RATE = 2_000
SECONDS = 60.0
"""How long the steady stream lasts."""
PRESSES = 3
"""Keys pressed while a burst comes in."""
NICE = 15
"""Priority of what stands for the host: a real one is another machine, and takes no core from the cockpit."""
SETTLED = 3.0
"""Seconds that the cockpit runs before anything is measured."""
ARRIVED = 8.0
"""Seconds after a burst in which all of it must have come."""
LAG_LIMIT, KEY_LIMIT, RATIO_LIMIT, GROWTH_LIMIT = 50.0, 150.0, 2.0, 1.05
CASE = Case("FastHttpUser", 50, 20)
_NUMBERED = re.compile(r"burst (\w+) (\d+)$")


@dataclass(frozen=True)
class Burst:
    """A burst: lines stored and doubled, seconds to the last one and of the yardstick, ms of lag and keys."""

    place: str
    stored: int
    doubled: int
    seconds: float
    yardstick: float
    lag_ms: float
    keys_ms: Sequence[float]


@dataclass(frozen=True)
class Steady:
    """A steady stream: lines written and stored, per cent of a core with and without, bytes of memory."""

    seconds: float
    written: int
    stored: int
    idle_cpu: float
    cpu: float
    memory_first: int
    memory_last: int


@dataclass(frozen=True)
class Flood:
    """All that was measured."""

    bursts: Sequence[Burst]
    steady: Steady


@dataclass(frozen=True)
class _Place:
    """Where lines are written, and the command that follows them."""

    name: str
    write: Callable[[bytes], None]
    flush: Callable[[], None]
    follow: str

    def burst(self, lines: int, what: str) -> float:
        """Write numbered lines at once; returns when it began, UTC seconds."""
        began = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime())
        for number in range(lines):
            self.write(f"[{stamp}] [4711] [INFO] burst {what} {number}".encode())
        self.flush()
        return began


def measured(folder: Path, seconds: float, tell: Callable[[str], None]) -> Flood:
    """Measure the bursts and ``seconds`` of a steady stream."""
    here = folder / "logs"
    here.mkdir()
    log = here / "app.log"
    with (
        LoopbackServer() as server,
        SshdServer.create(here) as sshd,
        JournalWriter.create(here) as journal,
        log.open("wb", buffering=1 << 20) as file,
    ):
        for server_process in (sshd.process, journal.process):
            psutil.Process(server_process.pid).nice(NICE)
        places = (
            _Place("file", lambda line: _write(file, line), file.flush, f"tail -n 0 -F {log}"),
            _Place(
                "journal",
                lambda line: journal.write(line, pid=4711),
                lambda: None,
                f"journalctl --file={journal.path} --merge -f -n 0 -o cat",
            ),
        )
        for place in places:  # journalctl follows a unit that it knows
            place.burst(1, "first")
        yards = {}
        for place in places:
            tell(f"logs: {place.name}, the yardstick")
            yards[place.name] = _yardstick(sshd, place)
        configuration = _configuration(here, server.url, sshd, log, journal.path)
        return _flown(configuration, server.url, places, yards, seconds, tell)


def _write(file: object, line: bytes) -> None:
    file.write(line + b"\n")  # type: ignore[attr-defined]


def _yardstick(sshd: SshdServer, place: _Place) -> float:
    """Return the seconds from the first line written to the last one that plain ssh hands over."""
    command = sshd.client_command(place.follow)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as ssh:
        assert ssh.stdout is not None
        try:
            time.sleep(1.5)
            writing = threading.Thread(target=place.burst, args=(LINES, "yard"))
            began = time.perf_counter()
            writing.start()
            seen = 0
            while seen < LINES and select.select([ssh.stdout], [], [], START)[0]:
                seen += os.read(ssh.stdout.fileno(), 65536).count(b"\n")
            took = time.perf_counter() - began
            writing.join()
        finally:
            ssh.terminate()
    if seen < LINES:
        raise RunFailed(f"plain ssh handed over {seen} of {LINES} lines from the {place.name}")
    return took


def _configuration(here: Path, target: str, sshd: SshdServer, log: Path, journal: Path) -> Path:
    path = here / "rampdeck.toml"
    tables: dict[str, dict[str, object]] = {
        "[target]": {"host": target},
        "[load]": {"step": 1, "max_users": 10_000},
        "[record]": {"folder": str(here / "sessions")},
        "[hosts.staging]": {
            "address": sshd.host,
            "port": sshd.port,
            "user": sshd.user,
            "identity_file": str(sshd.client_key),
            "known_hosts": str(sshd.known_hosts),
        },
    }
    collectors: tuple[dict[str, object], ...] = (
        {"kind": "gunicorn", "host": "staging", "label": "file", "file": str(log)},
        {"kind": "gunicorn", "host": "staging", "label": "journal", "journal_file": str(journal)},
        {"kind": "host", "host": "staging"},
    )
    lines = []
    for head, keys in [*tables.items(), *(("[[collectors]]", table) for table in collectors)]:
        lines += [head, *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _flown(
    configuration: Path,
    target: str,
    places: Sequence[_Place],
    yards: dict[str, float],
    seconds: float,
    tell: Callable[[str], None],
) -> Flood:
    """Fly the cockpit through the bursts and the steady stream, and read its session."""
    command = [sys.executable, "-m", "rampdeck", "run", "-c", str(configuration), "-f", str(LOCUSTFILE)]
    command += ["-H", target, "-u", str(CASE.users), "-r", "20", "--autostart", CASE.user_class]
    environment = plain_environment() | CASE.environment
    began: dict[str, float] = {}
    keys: dict[str, list[float]] = {}
    with Terminal(command, environment) as terminal:
        _seen(terminal, CASE.users)
        _look(terminal, SETTLED)
        for place in places:
            tell(f"logs: {LINES} lines at once, {place.name}")
            began[place.name], keys[place.name] = _burst(terminal, place)
        tell(f"logs: {RATE} lines a second for {seconds:.0f} s")
        stream = _stream(terminal, places[0], seconds)
        _look(terminal, SETTLED)
    (session,) = configuration.parent.glob("sessions/*/session.sqlite")
    return _read(session, began, keys, yards, stream)


def _burst(terminal: Terminal, place: _Place) -> tuple[float, list[float]]:
    began = [0.0]

    def write() -> None:
        began[0] = place.burst(LINES, place.name)

    writing = threading.Thread(target=write)
    writing.start()
    times = []
    target = CASE.users
    for number in range(PRESSES):
        by, key = ((1, "+"), (-1, "-"))[number % 2]
        target += by
        pressed = terminal.type(key)
        times.append((_seen(terminal, target) - pressed) * 1000)
        _look(terminal, 0.15)
    writing.join()
    if target != CASE.users:
        terminal.type("-")
    _look(terminal, ARRIVED)
    return began[0], times


def _stream(terminal: Terminal, place: _Place, seconds: float) -> Steady:
    """Write at an even pace; returns what the process took, without the lines stored."""
    process = psutil.Process(terminal.process.pid)
    idle = _cpu(process, terminal, 5.0)
    written = [0]
    over = threading.Event()

    def write() -> None:
        due = time.monotonic()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime())
        while not over.wait(max(0.0, due - time.monotonic())):
            due += 0.05
            for _ in range(RATE // 20):
                place.write(f"[{stamp}] [4711] [INFO] burst steady {written[0]}".encode())
                written[0] += 1
            place.flush()

    writing = threading.Thread(target=write)
    writing.start()
    _look(terminal, min(seconds / 6, 10.0))
    first = process.memory_info().rss
    busy = _cpu(process, terminal, seconds - min(seconds / 6, 10.0))
    last = process.memory_info().rss
    over.set()
    writing.join()
    return Steady(seconds, written[0], 0, idle, busy, first, last)


def _cpu(process: psutil.Process, terminal: Terminal, seconds: float) -> float:
    def used() -> float:
        times = process.cpu_times()
        return times.user + times.system

    before, at = used(), time.perf_counter()
    _look(terminal, seconds)
    return 100 * (used() - before) / (time.perf_counter() - at)


def _read(
    session: Path,
    began: dict[str, float],
    keys: dict[str, list[float]],
    yards: dict[str, float],
    steady: Steady,
) -> Flood:
    """Read the session: every number once, when the last one came, how long the loop stood meanwhile."""
    found: dict[str, Counter[int]] = {}
    arrived: dict[str, float] = {}
    lags: list[tuple[float, float]] = []
    with SessionReader(session) as reader:
        for item in reader.items():
            if isinstance(item, Event) and (said := _NUMBERED.search(item.text)):
                found.setdefault(said[1], Counter())[int(said[2])] += 1
                arrived[said[1]] = item.at.utc
            elif isinstance(item, Sample) and "lag_max_ms" in item.values:
                lags.append((item.at.utc, item.values["lag_max_ms"]))
    bursts = []
    for place, since in began.items():
        numbers = found.get(place, Counter())
        until = arrived.get(place, since)
        meanwhile = [lag for at, lag in lags if since <= at <= until + 1.5]
        bursts.append(
            Burst(
                place,
                stored=len(numbers),
                doubled=numbers.total() - len(numbers),
                seconds=until - since,
                yardstick=yards[place],
                lag_ms=max(meanwhile, default=float("nan")),
                keys_ms=keys[place],
            )
        )
    return Flood(bursts, replace(steady, stored=found.get("steady", Counter()).total()))


def _seen(terminal: Terminal, target: int) -> float:
    try:
        return terminal.wait_for(shows(target), START)
    except NotSeen as error:
        raise RunFailed(f"the cockpit did not show {target} users; its screen:\n{error}") from None


def _look(terminal: Terminal, seconds: float) -> None:
    with suppress(NotSeen):
        terminal.wait_for(lambda _: False, seconds)


def table(flood: Flood) -> Iterator[str]:
    """Yield a line for each burst, then the steady stream."""
    yield "| 20 000 lines at once | stored | twice | seconds | plain ssh | lag max | keys |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for burst in flood.bursts:
        keys = " / ".join(f"{key:.0f}" for key in burst.keys_ms)
        yield (
            f"| {burst.place} | {burst.stored} | {burst.doubled} | {burst.seconds:.2f} | "
            f"{burst.yardstick:.2f} | {burst.lag_ms:.0f} ms | {keys} ms |"
        )
    steady = flood.steady
    yield ""
    yield f"| {RATE} lines/s, {steady.seconds:.0f} s | written | stored | CPU | without them | memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    memory = f"{steady.memory_first / 1e6:.0f} to {steady.memory_last / 1e6:.0f} MB"
    cpu = f"{steady.cpu:.1f} % | {steady.idle_cpu:.1f} %"
    yield f"| file | {steady.written} | {steady.stored} | {cpu} | {memory} |"


def aims(flood: Flood) -> list[Aim]:
    """Return the aims: all of it, once, soon, and nobody waits for it."""
    found = []
    for burst in flood.bursts:
        where = f"{LINES} lines, {burst.place}"
        told = f"{burst.stored}, {burst.doubled} twice"
        found.append(Aim(where, "all, none twice", told, burst.stored == LINES and not burst.doubled))
        ratio = burst.seconds / burst.yardstick
        found.append(Aim(f"{where}, of plain ssh", f"<= {RATIO_LIMIT}", f"{ratio:.2f}", ratio <= RATIO_LIMIT))
        for what, measured, limit in (
            ("loop lag", burst.lag_ms, LAG_LIMIT),
            ("keys", max(burst.keys_ms), KEY_LIMIT),
        ):
            found.append(
                Aim(f"{where}, {what}", f"<= {limit:.0f} ms", f"{measured:.0f} ms", measured <= limit)
            )
    steady = flood.steady
    growth = steady.memory_last / steady.memory_first
    told = f"{steady.stored} of {steady.written}"
    found.append(Aim("steady lines stored", "all", told, steady.stored == steady.written))
    found.append(Aim("steady lines, memory", f"<= {GROWTH_LIMIT}", f"{growth:.3f}", growth <= GROWTH_LIMIT))
    return found
