"""What the screen costs: the cockpit in a real pseudo-terminal, every figure changing each second.

``python -m bench.screen [--seconds 20] [--lines 50] [--size 160x45] [--profile]`` starts the cockpit on
a hand-made deck in a pseudo-terminal of its own and prints, without start-up:

- the processor time of the whole process in per cent of one core;
- the longest single blocks of the loop, in processor time between two ticks of a
  timer of 2 ms, so that a busy neighbour on the machine does not count.

The budget is 4 % of one core and no block over 15 ms.
"""

from __future__ import annotations

from rampdeck import loop  # isort: skip

import argparse
import asyncio
import cProfile
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.tui.made import picture
from tests.tui.show import BEGIN, MovingDeck
from tui import Cockpit

WARM_UP = 3.0
STEP = 0.002


async def measured(seconds: float, lines: float, profile: bool) -> dict[str, object]:
    """Run the cockpit in this process's terminal and return the figures."""
    for second in range(BEGIN, BEGIN + int(2 * seconds + WARM_UP) + 10):
        picture(second)  # made beforehand: making figures is not the screen's cost
    deck = MovingDeck(lines)
    app = Cockpit(deck)
    blocks: list[float] = []

    async def watch() -> None:
        before = time.process_time()
        while True:
            await asyncio.sleep(STEP)
            now = time.process_time()
            blocks.append(now - before)
            before = now

    async def leave() -> dict[str, object]:
        await asyncio.sleep(WARM_UP)
        figures = await _cpu(seconds)
        profiler = cProfile.Profile() if profile else None
        if profiler:
            profiler.enable()
        watcher = asyncio.create_task(watch())
        await asyncio.sleep(seconds)
        watcher.cancel()
        if profiler:
            profiler.disable()
            profiler.dump_stats("screen.prof")
        figures["blocks_ms"] = [round(block * 1000, 1) for block in sorted(blocks)[-5:]]
        asyncio.get_running_loop().call_soon(app.exit)
        return figures

    leaving = asyncio.create_task(leave())
    await app.run_async()
    if not leaving.done():
        leaving.cancel()
        sys.exit("the cockpit ended before it was measured")
    return leaving.result()


async def _cpu(seconds: float) -> dict[str, object]:
    """Measure without the watcher: a timer of 2 ms costs more than the screen."""
    used, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - began
    return {"cpu_percent": round(100 * (time.process_time() - used) / passed, 2)}


def inside(options: argparse.Namespace) -> None:
    """Be the process in the pseudo-terminal."""
    figures = loop.run(measured(options.seconds, options.lines, options.profile))
    Path(options.inside).write_text(json.dumps(figures), encoding="utf-8")


def outside(options: argparse.Namespace, arguments: list[str]) -> None:
    """Make a pseudo-terminal, run this module in it, and print what it measured."""
    columns, rows = map(int, options.size.split("x"))
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "figures.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.screen", "--inside", str(result), *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(follower)
        received = _read_all(leader, process)
        if not result.exists():
            sys.exit(f"the cockpit ended with {process.returncode}: {received[-2000:]!r}")
        figures = json.loads(result.read_text(encoding="utf-8"))
    total = 2 * options.seconds + WARM_UP
    print(f"screen {options.size}, {options.lines:g} log lines a second, {options.seconds:g} s")
    print(f"  processor       {figures['cpu_percent']:>6} % of one core")
    print(f"  longest blocks  {', '.join(map(str, reversed(figures['blocks_ms'])))} ms")
    print(f"  to the terminal {len(received) / total / 1024:.1f} kB/s")


def _read_all(leader: int, process: subprocess.Popen[bytes]) -> bytes:
    received = bytearray()
    while process.poll() is None:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                received += os.read(leader, 65_536)
            except OSError:
                break
    process.wait()
    return bytes(received)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--lines", type=float, default=50.0)
    parser.add_argument("--size", default="160x45")
    parser.add_argument("--profile", action="store_true", help="write screen.prof for pstats")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options)
    else:
        outside(options, sys.argv[1:])


if __name__ == "__main__":
    main()
