"""``docs/metrics.md``, made of what collectors say of themselves: ``python -m tests.gate.metrics_page``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from collectors import COLLECTORS
from rampdeck.collector import Collector
from rampdeck.view import Unit
from rampdeck.workers.crew import Crew

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_KINDS: dict[str, type[Collector]] = {**COLLECTORS, Crew.kind: Crew}
_INTRODUCTION = """# Metrics of sources

Each can be judged by a [threshold](thresholds.md): `postgres.connections < 80%`. "At most" names what a limit
in per cent is of, where a metric does not count per cent itself. "A second": what happens in the second of a
reading. `generator` is always there, `workers` wherever there are some, `clock` for each host far away.
"""
_UNITS = {
    Unit.COUNT: "",
    Unit.PER_SECOND: "a second",
    Unit.BYTES: "bytes",
    Unit.BYTES_PER_SECOND: "bytes a second",
    Unit.PERCENT: "%",
    Unit.MILLISECONDS: "ms",
    Unit.SECONDS: "s",
}


def page() -> Iterator[str]:
    """Return the lines of the page."""
    yield from _INTRODUCTION.splitlines()
    for kind in sorted(_KINDS):
        yield from ("", f"## {kind}", "", "| Metric | Unit | What it is |", "| --- | --- | --- |")
        for metric in _KINDS[kind].metrics:
            most = f"; at most `{metric.most}`" if metric.most else ""
            text = metric.help.removesuffix(", in the second of the sample").replace("|", "\\|")
            yield f"| `{kind}.{metric.name}` | {_UNITS[metric.unit]} | {text}{most} |"


if __name__ == "__main__":
    PAGE.write_text("\n".join(page()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE} is written\n")
