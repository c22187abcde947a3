"""The demo's shop, and plain Locust to run the scenarios with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rampdeck.demo.info import DemoInfo
from rampdeck.demo.stack import DemoStack

ERROR = re.compile(r"^(\d+) +(\S.*?) *$", re.MULTILINE)
SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="package")
def shop() -> Iterator[DemoInfo]:
    with DemoStack() as info:
        yield info


@dataclass(frozen=True)
class Result:
    """What Locust counted, by method and name, and the errors it told."""

    requests: Mapping[str, int]
    failures: Mapping[str, int]
    errors: Mapping[str, int]
    output: str
    exit_code: int

    @property
    def total(self) -> int:
        return sum(self.requests.values())


class Run:
    """A plain ``locust --headless`` in a process and a folder of its own."""

    def __init__(self, folder: Path, url: str, scenario: str, *options: str, **environment: str) -> None:
        folder.mkdir()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAMPDECK_", "LOCUST_", "PYTHONPATH"))
        }
        command = [sys.executable, "-m", "locust", "-f", str(SCENARIOS / scenario), "--headless", "-H", url]
        command += ["--stop-timeout", "20", "--only-summary", "--json", *options]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(self) -> Result:
        """Wait for the end."""
        counts, output = self.process.communicate(timeout=120)
        stats = json.loads(counts) if counts else []
        return Result(
            {f"{entry['method']} {entry['name']}": entry["num_requests"] for entry in stats},
            {f"{entry['method']} {entry['name']}": entry["num_failures"] for entry in stats},
            {error: int(count) for count, error in ERROR.findall(output.partition("Error report")[2])},
            output,
            self.process.returncode,
        )


@pytest.fixture
def locust(tmp_path: Path, shop: DemoInfo) -> Iterator[Callable[..., Run]]:
    """Start ``locust -f scenarios/NAME``: options as on the command line, environment variables by name."""
    runs: list[Run] = []

    def start(scenario: str, *options: str, **environment: str) -> Run:
        runs.append(Run(tmp_path / f"run{len(runs)}", shop.url, scenario, *options, **environment))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.communicate()
