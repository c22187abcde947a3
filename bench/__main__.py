"""``python -m bench``: what Rampdeck costs against plain Locust, measured on this machine.

``latency``     at 200 requests a second: percentiles of both, loop lag, processor time
``saturation``  as fast as they can: the rates of both
``keys``        from a key to the new target on the screen, saturated
``screen``      what drawing alone costs
``all``         all of it (the default)

Runs come in pairs, plain Locust and then the cockpit, over and over, so that
a machine that is busy for a while is busy for both.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import report
from bench.report import Pairs
from bench.runs import CASES, ROOT, Bench, LoopbackServer, RunFailed
from bench.sources import Watched
from rampdeck.errors import RampdeckError


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
    parts = ("all", "latency", "saturation", "keys", "screen")
    parser.add_argument("part", nargs="?", default="all", choices=parts)
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs a load (default: 3)")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured seconds a run (default: 20)")
    parser.add_argument("--presses", type=int, default=20, help="keys to press (default: 20)")
    parser.add_argument("--quick", action="store_true", help="one pair of 5 s and 6 keys: does it work?")
    parser.add_argument("-o", metavar="FILE", type=Path, help="write everything that was measured as JSON")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.seconds, options.presses = 1, 5.0, 6
    return options


def _bench(options: argparse.Namespace) -> int:
    part = options.part
    machine = report.machine()
    pairs: list[Pairs] = []
    keys: dict[str, list[float]] = {}
    print(f"{machine}.", flush=True)
    if part != "screen":
        with (
            tempfile.TemporaryDirectory(prefix="rampdeck-bench-") as folder,
            LoopbackServer() as server,
            Watched(Path(folder), server.url) as watched,
        ):
            for name, why in watched.missing.items():
                print(f"Left out, {name}: {why}")
            bench = Bench(server, watched, Path(folder), options.seconds)
            pairs = _pairs(bench, part, options.pairs)
            if part in ("all", "keys"):
                for case in (case for case in CASES if case.saturated):
                    _tell(f"{case.name}, {options.presses} keys")
                    keys[case.name] = bench.keys(case, options.presses)
    found = report.aims(pairs, keys)
    if found:
        blocks: list[Sequence[str]] = [list(report.tables(pairs)) if pairs else []]
        blocks += [list(report.aims_table(found)), list(report.doubts(pairs))]
        print("\n" + "\n\n".join("\n".join(block) for block in blocks if block), flush=True)
    if options.o:
        options.o.write_text(_as_json(machine, pairs, keys), encoding="utf-8")
    if part in ("all", "screen"):
        _screen(options.seconds)
    return 0 if all(aim.met for aim in found) else 1


def _pairs(bench: Bench, part: str, count: int) -> list[Pairs]:
    """Measure the loads of a part, each pair after the other."""
    done: list[Pairs] = []
    for case in CASES:
        if part == "all" or part == ("saturation" if case.saturated else "latency"):
            runs = []
            for number in range(1, count + 1):
                _tell(f"{case.name}, pair {number} of {count}")
                runs.append((bench.headless(case), bench.cockpit(case)))
            done.append(Pairs(case, runs))
    return done


def _screen(seconds: float) -> None:
    if importlib.util.find_spec("bench.screen") is None:
        print("\nThe drawing budget is not measured: bench/screen.py is not there.")
        return
    print(flush=True)
    subprocess.run([sys.executable, "-m", "bench.screen", "--seconds", f"{seconds}"], cwd=ROOT, check=True)


def _as_json(machine: str, pairs: Sequence[Pairs], keys: Mapping[str, Sequence[float]]) -> str:
    return json.dumps(
        {
            "machine": machine,
            "pairs": [
                {"load": each.case.name, "headless": asdict(headless), "cockpit": asdict(cockpit)}
                for each in pairs
                for headless, cockpit in each.runs
            ],
            "keys_ms": dict(keys),
            "aims": [asdict(aim) for aim in report.aims(pairs, keys)],
        },
        indent=2,
    )


def _tell(what: str) -> None:
    """Say on stderr what is being measured: the figures alone go to stdout."""
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
