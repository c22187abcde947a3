"""The timeline as SVG: users, rate, p95 and errors under one another, over one axis of time.

Colours are classes of the page's style sheet, so it is legible light, dark and
printed; nothing in it is fetched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rampdeck import format as fmt
from rampdeck.record.timeline import Column, Timeline

WIDTH, LEFT, RIGHT = 1_000, 64, 24
TOP, PANEL, GAP, FOOT = 40, 92, 30, 26
_STEPS = (1, 2, 2.5, 5, 10)
_SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a load level begins (UTC seconds), and its number."""

    utc: float
    name: str


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    kind: str
    values: Sequence[float | None]
    limit: float | None = None


def chart(line: Timeline, boundaries: Sequence[Boundary] = (), limit: float | None = None) -> str:
    """Return the picture; ``limit`` is drawn into the p95 panel, in ms. Empty without data."""
    if not line.columns:
        return ""
    each = "" if line.width <= 1 else f", worst second of each {line.width:.0f}"
    panels = (
        _Panel("users", "users", [_of(column, "users") for column in line.columns]),
        _Panel("requests/s", "rps", [_of(column, "rps") for column in line.columns]),
        _Panel(f"p95 ms{each}", "p95", [_of(column, "p95") for column in line.columns], limit),
        _Panel("errors %", "errors", [_of(column, "error_rate", 100) for column in line.columns]),
    )
    height = TOP + len(panels) * (PANEL + GAP) - GAP + FOOT
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Users, requests a second, p95 and errors over time">'
    ]
    parts += _boundaries(line, boundaries, height)
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL + GAP), line)
    parts += _clock(line, height)
    return "\n".join((*parts, "</svg>"))


def _of(column: Column | None, name: str, times: float = 1) -> float | None:
    value: float | None = getattr(column, name) if column else None
    return None if value is None else value * times


def _panel(panel: _Panel, top: int, line: Timeline) -> Iterator[str]:
    known = [value for value in panel.values if value is not None]
    highest = max(known, default=0.0)
    limit = panel.limit if panel.limit is not None and panel.limit < 4 * highest else None
    ceiling = _round_up(max(highest, limit or 0.0))
    yield f'<text class="title" x="{LEFT + 4}" y="{top - 7}">{escape(panel.title)}</text>'
    for share in (0.0, 0.5, 1.0):
        y = top + PANEL * (1 - share)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text class="axis" x="{LEFT - 8}" y="{y + 4:g}">{_number(ceiling * share)}</text>'

    def point(place: int, value: float) -> str:
        return f"{_x((place + 0.5) * line.width, line):.1f},{top + PANEL * (1 - value / ceiling):.1f}"

    for run in _runs(panel.values):
        points = [point(place, value) for place, value in run]
        if len(points) == 1:
            across, down = points[0].split(",")
            yield f'<circle class="dot {panel.kind}" cx="{across}" cy="{down}" r="2"/>'
            continue
        first, last = points[0].split(",")[0], points[-1].split(",")[0]
        base = top + PANEL
        yield f'<path class="area {panel.kind}" d="M{first},{base} L{" L".join(points)} L{last},{base} Z"/>'
        yield f'<polyline class="line {panel.kind}" points="{" ".join(points)}"/>'
    if limit is not None:
        height = top + PANEL * (1 - limit / ceiling)
        yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield f'<text class="limit" x="{WIDTH - RIGHT}" y="{height - 4:.1f}">limit {_number(limit)}</text>'


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Yield stretches without a gap."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _boundaries(line: Timeline, boundaries: Sequence[Boundary], height: int) -> Iterator[str]:
    room = 0.0
    for boundary in boundaries:
        second = boundary.utc - line.began
        if not -line.width <= second <= line.seconds:
            continue
        x = _x(max(0.0, second), line)
        yield f'<line class="step" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - FOOT}"/>'
        if x >= room:  # the names of levels that follow closely would lie over one another
            anchor = ' class="step end"' if x > WIDTH - 80 else ' class="step"'
            name = escape(boundary.name)
            yield f'<text{anchor} x="{x + (-3 if x > WIDTH - 80 else 3):.1f}" y="14">{name}</text>'
            room = x + 7 * len(boundary.name) + 12


def _clock(line: Timeline, height: int) -> Iterator[str]:
    span = next((span for span in _SPANS if line.seconds / span <= 9), _SPANS[-1])
    for second in range(0, math.floor(line.seconds) + 1, span):
        x = _x(second, line)
        yield f'<text class="time" x="{x:.1f}" y="{height - FOOT + 18}">{fmt.stopwatch(second)}</text>'


def _x(second: float, line: Timeline) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / line.seconds


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if value <= step * power * 1.000001)


def _number(value: float) -> str:
    return fmt.count(value) if value >= 100 or float(value).is_integer() else f"{value:.3g}"
