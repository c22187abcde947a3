"""``python -m bench``: what Rampdeck's numbers are worth and what it costs, measured on this machine.

``truth``       percentiles against the server's own book: Rampdeck's and Locust's
``levels``      the step table of four levels against the server's own book of each
``against``     the cockpit against ``locust --headless`` and ``locust`` with its page open:
                percentiles, loop lag, processor time, rates; the loads of one rate are
                ``latency``, those as fast as they can ``saturation``
``keys``        from a key to the new target on the screen, saturated
``workers``     ``--workers 2`` against ``locust --processes 2``
``logs``        20 000 log lines at once over SSH, and 2 000 a second
``parsing``     what reading a log line costs, from the wire to an event
``growth``      what more endpoints, more users and a longer session cost
``gate``        what 100 thresholds over 50 endpoints cost, and the time from a breach to the screen
``host``        what a host pays for being watched, at least 30 s
``report``      what printing a session of an hour from its file costs
``screen``      what drawing alone costs

Without a name all of it, one part after the other. Runs that are compared
come in rounds, each side once, over and over, so that a machine that is busy
for a while is busy for all of them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import (
    against,
    growth,
    host,
    judging,
    levels,
    logs,
    parsing,
    proxies,
    report,
    reporting,
    truth,
    workers,
)
from bench.loopback import ROOT, LoopbackServer
from bench.report import Aim
from bench.runs import CASES, Bench, RunFailed
from bench.sources import Watched
from bench.web import browser
from rampdeck.errors import RampdeckError

PARTS = (
    *("truth", "levels", "against", "latency", "saturation", "keys"),
    *("workers", "logs", "parsing", "growth", "gate", "host", "report", "screen"),
)
WATCHED = {"against", "latency", "saturation", "keys", "workers"}
"""The parts for which the cockpit watches a whole stack."""


def main() -> int:
    """Measure what is asked for and print it; 0 when every aim is met, 1 when not, 2 when a run failed."""
    options = _options()
    try:
        return _bench(options)
    except (RunFailed, RampdeckError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _options() -> argparse.Namespace:
    about, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{about}\n{rest}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3, help="rounds of runs a load (default: 3)")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured seconds a run (default: 20)")
    parser.add_argument(
        "--cell-seconds", type=float, default=8.0, help="measured seconds a cell of truth (default: 8)"
    )
    parser.add_argument(
        "--only", default="", help="cells of truth and loads whose names have these words in them"
    )
    parser.add_argument(
        "--session-seconds", type=int, default=3_600, help="length of the session of report (default: 3600)"
    )
    parser.add_argument("--presses", type=int, default=20, help="keys to press (default: 20)")
    parser.add_argument("--quick", action="store_true", help="one round of 5 s, 6 keys ...: does it work?")
    parser.add_argument("-o", metavar="FILE", type=Path, help="write everything that was measured as JSON")
    options = parser.parse_args()
    if unknown := set(options.part) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options.part = set(options.part or PARTS)
    if options.quick:
        options.rounds, options.seconds, options.cell_seconds, options.presses = 1, 5.0, 3.0, 6
    return options


@dataclass
class Found:
    """What has been measured so far."""

    aims: list[Aim] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def part(self, title: str, table: Iterable[str], aims: Sequence[Aim], doubts: Iterable[str] = ()) -> None:
        """Print a part as soon as it is measured, and keep what it says of the aims."""
        told = list(doubts)
        self.aims += aims
        self.doubts += told
        blocks = [[f"### {title}"], list(table), list(report.aims_table(aims)), told]
        print("\n" + "\n\n".join("\n".join(block) for block in blocks if block), flush=True)


def _bench(options: argparse.Namespace) -> int:
    machine = report.machine()
    found = Found(raw={"machine": machine})
    print(f"{machine}.", flush=True)
    with tempfile.TemporaryDirectory(prefix="rampdeck-bench-") as name:
        folder = Path(name)
        if "truth" in options.part:
            _truth(found, options, folder)
        if "levels" in options.part:
            _levels(found, options, folder)
        if options.part & WATCHED:
            with LoopbackServer() as server, Watched(folder, server.url) as watched:
                for what, why in watched.missing.items():
                    print(f"Left out, {what}: {why}")
                _watched(found, options, Bench(server, watched.configuration, folder, options.seconds))
        if "logs" in options.part:
            _logs(found, options, folder)
        if "parsing" in options.part:
            _parsing(found)
        rest = {"growth": _growth, "gate": _gate, "host": _host, "report": _report}
        for part in [part for part in rest if part in options.part]:
            rest[part](found, options, folder)
    if options.o:
        found.raw["aims"] = [asdict(aim) for aim in found.aims]
        options.o.write_text(json.dumps(found.raw, indent=2), encoding="utf-8")
    if "screen" in options.part:
        _screen(options.seconds)
    return 0 if all(aim.met for aim in found.aims) else 1


def _truth(found: Found, options: argparse.Namespace, folder: Path) -> None:
    wanted = [cell for cell in truth.cells() if _named(cell.name, options.only)]
    cells = list(truth.measured(folder, wanted, options.cell_seconds, _tell))
    found.raw["truth"] = [asdict(cell) for cell in cells]
    found.part(
        "Percentiles against the server's own", truth.table(cells), truth.aims(cells), truth.doubts(cells)
    )


def _levels(found: Found, options: argparse.Namespace, folder: Path) -> None:
    rows = levels.measured(folder, 5.0 if options.quick else options.seconds, _tell)
    found.raw["levels"] = [asdict(row) for row in rows]
    found.part("The step table against the server's own", levels.table(rows), levels.aims(rows))


def _watched(found: Found, options: argparse.Namespace, bench: Bench) -> None:
    part = options.part
    cases = [
        case
        for case in CASES
        if part & {"against", "saturation" if case.saturated else "latency"}
        and _named(case.name, options.only)
    ]
    page = browser()
    if cases and page is None:
        print("Left out, Locust's web page: no browser is installed.")
    rounds = list(against.measured(bench, cases, options.rounds, page, _tell))
    keys: dict[str, list[float]] = {}
    for case in (case for case in CASES if case.saturated and "keys" in part):
        _tell(f"{case.name}, {options.presses} keys")
        keys[case.name] = bench.keys(case, options.presses)
    if rounds or keys:
        found.raw["against"] = [
            {
                "load": each.case.name,
                "rounds": [{side: asdict(one) for side, one in run.items()} for run in each.runs],
            }
            for each in rounds
        ]
        found.raw["keys_ms"] = keys
        table = against.tables(rounds) if rounds else ()
        found.part("Against plain Locust", table, against.aims(rounds, keys), against.doubts(rounds))
    if "workers" in part:
        _workers(found, options, bench)


def _workers(found: Found, options: argparse.Namespace, bench: Bench) -> None:
    if not workers.known():
        print("Left out, workers: this Rampdeck has no --workers.")
        return
    rounds = list(workers.measured(bench, options.rounds, _tell))
    found.raw["workers"] = [
        {
            "load": each.case.name,
            "rounds": [{side: asdict(one) for side, one in run.items()} for run in each.runs],
        }
        for each in rounds
    ]
    found.part("Two workers", workers.table(rounds), workers.aims(rounds), workers.doubts(rounds))


def _logs(found: Found, options: argparse.Namespace, folder: Path) -> None:
    flood = logs.measured(folder, 10.0 if options.quick else logs.SECONDS, _tell)
    found.raw["logs"] = asdict(flood)
    found.part("A flood of log lines over SSH", logs.table(flood), logs.aims(flood))


def _parsing(found: Found) -> None:
    read, of_template = parsing.measured(), parsing.templates()
    found.raw["parsing"] = [asdict(one) for one in read]
    found.part("Reading a log line", parsing.table(read, of_template), parsing.aims(read))
    rates = proxies.measured()
    found.raw["proxies"] = [asdict(one) for one in rates]
    found.part("Reading a proxy's log", proxies.table(rates), proxies.aims(rates))


def _growth(found: Found, options: argparse.Namespace, folder: Path) -> None:
    grown = growth.measured(folder, options.quick, _tell)
    found.raw["growth"] = asdict(grown)
    found.part("Cost as the work grows", growth.tables(grown), growth.aims(grown))


def _gate(found: Found, options: argparse.Namespace, folder: Path) -> None:
    judged = judging.measured(folder, options.presses // 2, _tell)
    found.raw["gate"] = asdict(judged)
    found.part("The gate", judging.table(judged), judging.aims(judged))


def _host(found: Found, options: argparse.Namespace, folder: Path) -> None:
    with LoopbackServer() as server:
        costs = host.measured(folder, server.url, options.seconds, _tell)
    found.raw["host"] = {what: asdict(cost) for what, cost in costs.items()}
    found.part("What a host pays", host.tables(costs), host.aims(costs), host.doubts(costs))


def _report(found: Found, options: argparse.Namespace, folder: Path) -> None:
    part = 10 if options.quick else 1
    seconds = options.session_seconds // part
    size, printed = reporting.measured(folder, seconds, reporting.LINES // part, _tell)
    found.raw["report"] = {"file_mb": size, "printed": [asdict(one) for one in printed]}
    found.part("A report", reporting.table(size, printed), reporting.aims(seconds, printed))


def _screen(seconds: float) -> None:
    if importlib.util.find_spec("bench.screen") is None:
        print("\nThe drawing budget is not measured: bench/screen.py is not there.")
        return
    print(flush=True)
    subprocess.run([sys.executable, "-m", "bench.screen", "--seconds", f"{seconds}"], cwd=ROOT, check=True)


def _named(name: str, words: str) -> bool:
    """Return whether all the wanted words are in a name."""
    return all(word in name for word in words.split())


def _tell(what: str) -> None:
    """Say on stderr what is being measured: the figures alone go to stdout."""
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
