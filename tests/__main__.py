"""``python -m tests``: the whole suite, its parts side by side, each in a pytest of its own.

Most tests wait for real servers, so two or three parts at a time cost little
and save minutes. (pytest-xdist cannot do it here: the product patches the
process for gevent, and its channels block for ever.) A part is a folder, or
a slow file; what stands longest begins first. A few tests that failed beside
the others are run once more when the machine is quiet, and what came of that
is said: one that fails then as well has failed. With arguments it is plain
pytest: ``python -m tests tests/gate -x``.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).parent
AT_ONCE = 4
"""Parts that run side by side; on two cores, since most of it is waiting."""
SLOW = (
    "run/test_preflight_faults.py",
    "collectors/test_[a-h]*.py",
    "run/test_faults.py",
    "tui",
    "run/test_verdicts.py",
    "collectors/test_[i-z]*.py",
    "run/test_dead_man.py",
    "run/test_pipeline.py",
    "run/test_defects.py",
    "engine/test_w*.py",
    "test_[a-z]*.py",
    "run/test_headless.py",
    "run/test_guard.py",
    "preflight",
    "run/test_init.py",
    "remote",
    "run/test_generator_health.py",
    "run/test_workers.py",
    "run/test_broken_disk.py",
    "run/test_gate_stops.py",
    "engine/test_[a-v]*.py",
    "run/test_terminal.py",
    "demo",
    "scenarios",
    "run/test_stranger_scenarios.py",
    "run/test_outputs.py",
    "run/test_report.py",
    "run/test_counted_twice.py",
    "record",
    "run/test_remote_workers.py",
    "bench",
    "run/test_auto_step.py",
    "run/test_leaks.py",
)
"""What takes longest, longest first: a folder, a file, or some files of a folder."""
_COUNTED = re.compile(r"(\d+) (passed|failed|error|errors|skipped|xfailed|xpassed|warnings?)\b")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?\.py::.+?)(?: - .*)?$", re.MULTILINE)
LIMIT, LAST_WORDS = 1_500, 60
"""Seconds that a part may take, four times what the longest does, and those that it gets to end then."""
_NO_TESTS = 5
"""pytest's exit code for a part without tests."""
FEW = 5
"""Failed tests that may be the crowd's fault; more are the change's."""


def parts() -> list[list[Path]]:
    """Return the parts: every test file is in exactly one."""
    slow = [sorted(HERE.glob(name)) for name in SLOW]
    places = {place for part in slow for place in part}
    left = [file for file in sorted(HERE.rglob("test_*.py")) if not places & {file, *file.parents}]
    folders = dict.fromkeys(file.parent for file in left)
    return [*slow, *([file for file in left if file.parent == one] for one in folders)]


def run(part: Sequence[Path]) -> tuple[int, str]:
    """Run one part; return pytest's exit code and what it said."""
    return pytest_of([str(path.relative_to(HERE.parent)) for path in part])


def pytest_of(names: Sequence[str]) -> tuple[int, str]:
    """Run pytest for files or single tests; return its exit code and what it said."""
    command = [sys.executable, "-m", "pytest", "-q", *names]
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as part:
        try:
            said, _ = part.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            part.send_signal(signal.SIGINT)  # it says where it stood, and ends its servers
            try:
                said, _ = part.communicate(timeout=LAST_WORDS)
            except subprocess.TimeoutExpired:
                part.kill()
                said, _ = part.communicate()
            return -1, f"{said}\nThis part did not end within {LIMIT} s, so it was broken off"
    return part.returncode, said


def main() -> int:
    """Run everything; 0 when all of it passed."""
    if sys.argv[1:]:
        return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], check=False).returncode
    began, broken, counted = time.monotonic(), False, Counter[str]()
    failed: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(run, part): part for part in parts()}
        for done in as_completed(running):
            code, said = done.result()
            if code not in (0, _NO_TESTS):
                found = _FAILED.findall(said)
                failed += found
                broken |= code != 1 or not found
            names = " ".join(path.relative_to(HERE).as_posix() for path in running[done])
            last = said.rstrip().rpartition("\n")[2]
            counted.update({word: int(number) for number, word in _COUNTED.findall(last)})
            _say(f"== tests: {names}\n{said if code else last}")
    if failed and len(failed) <= FEW and not broken:
        code, said = pytest_of(failed)
        _say(f"== by themselves: {' '.join(failed)}\n{said}")
        if not code:
            counted["failed"] -= len(failed)
            counted["passed"] += len(failed)
            counted["rerun"] += len(failed)
            failed = []
    told = ", ".join(f"{number} {word}" for word, number in counted.items() if number)
    _say(f"== {told} in {time.monotonic() - began:.2f}s ==")
    return int(broken or bool(failed))


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
