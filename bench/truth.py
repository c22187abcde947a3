"""Response times against the truth: what the server itself knows of each of its answers.

A cell is a shape of answers, a client, in the clear or over TLS, paced or
saturated, under the cockpit as it is or under one that is heavy on purpose.
The cockpit runs in a terminal as always. Three books are kept of one window of
time: the server's own; Rampdeck's, read from the session file that the run
leaves, its histograms and all; and Locust's response times, exact, as a
listener of the ``request`` event gets them in the same process.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bench.figures import Spread
from bench.loopback import Book, LoopbackServer, certificate
from bench.report import Aim
from bench.runs import LOCUSTFILE, MOST_RATE, SATURATED, START, Case, RunFailed, plain_environment
from bench.terminal import Terminal
from rampdeck.histogram import Histogram
from rampdeck.model import RequestBatch, Step
from rampdeck.requests import Span
from rampdeck.store import SessionReader

SHAPES = ("constant", "bimodal", "tail")
PERCENTILES = ("p50", "p95", "p99", "p999")
SHARE, TAIL_SHARE, FLOOR_MS = 0.02, 0.10, 0.5
"""How far off a percentile may be, as a share of the server's; p99.9; and in ms on top of either."""
HEAVY_MS = 30.0
"""Ms in one piece by which the heavy screen holds the loop up, ten times a second."""
RATE = 200
SETTLE, SETTLE_TLS = 3.0, 6.0
"""Seconds from the last user's start to the measured part. A FastHttpUser's connection takes 20 ms of
the processor over TLS: each user reads the system's certificates."""
ON_ITS_WAY = 1.0
"""Seconds that the last first answer may lie in the kernel until its user is told; connecting is in it."""
NOTHING = Spread.of([])


@dataclass(frozen=True)
class Cell:
    """One combination of what is measured."""

    shape: str
    case: Case
    tls: bool
    heavy: bool

    @property
    def name(self) -> str:
        """How the tables call it."""
        wire, screen = "TLS" if self.tls else "plain", "heavy" if self.heavy else "light"
        return f"{self.shape}, {self.case.name}, {wire}, {screen}"

    def configuration(self, seconds: float, sessions: Path) -> str:
        """Return the ``rampdeck.toml`` of a run that measures for so many seconds."""
        settle = SETTLE_TLS if self.tls else SETTLE
        return (
            f"[load]\nsettle = {settle}\n[record]\nfolder = {json.dumps(str(sessions))}\n"
            f'[[stages]]\nname = "cell"\nusers = {self.case.users}\n'
            f"spawn_rate = {min(self.case.users, MOST_RATE)}\nhold = {settle + seconds}\n"
        )


@dataclass(frozen=True)
class Measured:
    """The three books of a cell, and the share of requests that Rampdeck has a kernel's stamp for.

    ``lost`` says why there is nothing of all that.
    """

    cell: Cell
    server: Spread
    wire: Spread
    locust: Spread
    rps: float
    failures: int
    stamped: float
    lost: str = ""

    def misses(self) -> list[str]:
        """Return the percentiles of Rampdeck that are too far off."""
        return [name for name in PERCENTILES if self.excess(name) > 1]

    def excess(self, name: str) -> float:
        """Return how far Rampdeck's percentile is off, as a share of what it may be."""
        if self.lost:
            return math.inf
        truth = float(getattr(self.server, name))
        may = truth * (TAIL_SHARE if name == "p999" else SHARE) + FLOOR_MS
        return abs(float(getattr(self.wire, name)) - truth) / may


def cells() -> list[Cell]:
    """Return every combination."""
    cases = [
        Case(client, rate, SATURATED[client] if not rate else 100)
        for client in SATURATED
        for rate in (RATE, 0)
    ]
    every = product(SHAPES, cases, (False, True), (False, True))
    return [Cell(shape, case, tls, heavy) for shape, case, tls, heavy in every]


def measured(
    folder: Path, wanted: Sequence[Cell], seconds: float, tell: Callable[[str], None]
) -> Iterator[Measured]:
    """Measure some cells, one after the other."""
    pem = certificate(folder)
    for number, cell in enumerate(wanted, 1):
        tell(f"truth {number} of {len(wanted)}: {cell.name}")
        here = folder / f"truth-{number}"
        here.mkdir()
        try:
            with LoopbackServer(cell.shape, pem if cell.tls else None) as server:
                session = _fly(here, server, cell, seconds)
                window = windowed(session, server.settled())
                yield compared(cell, window, server.book(), Book.unpacked((here / "book").read_bytes()))
        except RunFailed as error:
            # What the other cells have shown is not to be lost with it.
            yield Measured(cell, NOTHING, NOTHING, NOTHING, 0.0, 0, 0.0, lost=str(error))
        shutil.rmtree(here)


def _fly(folder: Path, server: LoopbackServer, cell: Cell, seconds: float) -> Path:
    """Run the cockpit in a terminal; return the session file."""
    configuration = folder / "rampdeck.toml"
    configuration.write_text(cell.configuration(seconds, folder / "sessions"), encoding="utf-8")
    command = [
        *(
            sys.executable,
            "-m",
            "rampdeck",
            "run",
            "-c",
            str(configuration),
            "--autostart",
            "--autoquit",
            "0",
        ),
        *("-f", str(LOCUSTFILE), "-H", server.url, cell.case.user_class),
    ]
    environment = plain_environment() | cell.case.environment | {"BENCH_BOOK": str(folder / "book")}
    if server.certificate:
        environment["BENCH_CA"] = str(server.certificate)
    if cell.heavy:
        environment["BENCH_HEAVY"] = str(HEAVY_MS)
    with Terminal(command, environment) as terminal:
        terminal.drain(START + SETTLE_TLS + seconds, until=lambda: terminal.process.poll() is not None)
    found = list(folder.glob("sessions/*/session.sqlite"))
    if len(found) != 1 or not (folder / "book").exists():
        words = "\n".join(row for row in terminal.screen.rows if row)
        raise RunFailed(f"the run left no figures; its screen:\n{words}")
    return found[0]


@dataclass(frozen=True)
class Window:
    """The measured part of a session: from when to when (UTC, s), and its requests."""

    begin: float
    end: float
    requests: Span


def windowed(session: Path, settled: float) -> Window:
    """Return the whole batches of the measured part of the only load level, once all are connected.

    A busy generator may connect for longer than it settles; ``settled`` (UTC,
    s) is when the last connection had its first answer.
    """
    with SessionReader(session) as reader:
        steps: list[Step] = [step for step in reader.steps() if step.measured_from]
        if len(steps) != 1 or steps[0].measured_from is None or steps[0].ended is None:
            raise RunFailed(f"{len(steps)} load levels were measured instead of one")
        first, last = steps[0].measured_from.mono, steps[0].ended.mono
        batches = [item for item in reader.items() if isinstance(item, RequestBatch)]
    # A batch is taken right after the moment that a step notes.
    batches = [batch for batch in batches if first + 0.1 < batch.at.mono < last + 0.1]
    batches = [batch for batch in batches if batch.at.utc - batch.seconds >= settled + ON_ITS_WAY]
    if not batches:
        raise RunFailed("users were still connecting when the measured part ended")
    span = Span()
    for batch in batches:
        span.add(batch)
    return Window(batches[0].at.utc - batches[0].seconds, batches[-1].at.utc, span)


def compared(cell: Cell, window: Window, server: Book, locust: Book) -> Measured:
    """Return what the three books say of one window."""
    begin, end = round(window.begin * 1e9), round(window.end * 1e9)
    tally = window.requests.total
    wire = tally.all()
    return Measured(
        cell=cell,
        server=server.within(begin, end),
        wire=spread_of(wire),
        locust=locust.within(begin, end),
        rps=wire.count / window.requests.seconds,
        failures=tally.failures.count,
        stamped=tally.delay.count / wire.count if wire.count else 0.0,
    )


def spread_of(times: Histogram) -> Spread:
    """Return what Rampdeck says of some response times."""
    p50, p95, p99, p999 = (value or 0.0 for value in times.percentiles((50, 95, 99, 99.9)))
    return Spread(times.count, p50, p95, p99, p999, times.highest)


def table(found: Sequence[Measured]) -> Iterator[str]:
    """Yield a line for each cell: the three books, and how far the two are off the server's."""
    books = "server | Rampdeck | Locust | Rampdeck off by % | Locust off by %"
    yield f"| p50 / p95 / p99 / p99.9 ms | req/s | {books} | |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in found:
        if one.lost:
            yield f"| {one.cell.name} | | | | | | | ✖ not measured |"
            continue
        misses = ", ".join(_named(name) for name in one.misses())
        cells = (
            one.cell.name,
            f"{one.rps:.0f}",
            *(_four(book) for book in (one.server, one.wire, one.locust)),
            *(_off(book, one.server) for book in (one.wire, one.locust)),
            f"✖ {misses}" if misses else "✔",
        )
        yield f"| {' | '.join(cells)} |"


def _four(spread: Spread) -> str:
    return " / ".join(f"{getattr(spread, name):.1f}" for name in PERCENTILES)


def _off(spread: Spread, truth: Spread) -> str:
    pairs = ((float(getattr(spread, name)), float(getattr(truth, name))) for name in PERCENTILES)
    return " / ".join(f"{(value / true - 1) * 100:+.1f}" if true else "-" for value, true in pairs)


def _named(name: str) -> str:
    return "p99.9" if name == "p999" else name


def aims(found: Sequence[Measured]) -> list[Aim]:
    """Return the aims: each percentile in every cell; one that could not be measured has missed it."""
    made: list[Aim] = []
    for name in PERCENTILES if found else ():
        share = TAIL_SHARE if name == "p999" else SHARE
        within = sum(one.excess(name) <= 1 for one in found)
        worst = max(found, key=lambda one: one.excess(name))
        told = (
            f"{within} of {len(found)} cells; worst {getattr(worst.wire, name):.1f} for "
            f"{getattr(worst.server, name):.1f} ms ({worst.cell.name})"
        )
        limit = f"within {share:.0%} + {FLOOR_MS} ms of the server's".replace("%", " %")
        made.append(Aim(f"wire {_named(name)}", limit, told, within == len(found)))
    return made


def doubts(found: Sequence[Measured]) -> Iterator[str]:
    """Yield a sentence for everything that takes weight off the figures."""
    for one in found:
        if one.lost:
            yield f"{one.cell.name}: not measured: {one.lost}"
            continue
        if one.failures:
            yield f"{one.cell.name}: {one.failures} requests failed."
        if one.stamped < 0.99:
            yield f"{one.cell.name}: the kernel's stamp is there for {one.stamped:.0%} of the requests."
        # What was on its way at either end of the window is in one book and not in the other.
        edge = 2 * one.cell.case.users
        if max(abs(one.server.count - book.count) for book in (one.wire, one.locust)) > edge:
            counts = f"{one.server.count} / {one.wire.count} / {one.locust.count}"
            yield f"{one.cell.name}: server, Rampdeck and Locust counted {counts} requests."
