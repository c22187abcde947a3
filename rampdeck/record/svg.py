"""The timeline as SVG, for print and where no script runs: lanes, then charts over one axis of time.

Colours are classes of the page's style sheet, so it is legible light, dark and
printed; nothing in it is fetched. No line has more points than paper can show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from rampdeck import format as fmt
from rampdeck.record.charts import Chart, Curve, Lane, Limit, Span
from rampdeck.record.timeline import Timeline
from rampdeck.record.track import Line

WIDTH, LEFT, RIGHT = 1_000, 56, 16
TOP, LANE, PANEL, GAP, FOOT = 6, 19, 78, 34, 24
MOST = 480
"""Points of a line."""
_STEPS = (1, 2, 2.5, 5, 10)
_SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_LETTER = 6.2
"""Width of a letter, at least on average."""
_POINTS = ("finding", "mark")
VERDICTS = {"PASS": "●", "FAIL": "✖", "INCONCLUSIVE": "▲"}
_GLYPHS = {"finding": "▲", "mark": "◆", "breach": "✖", "warned": "▲", "blind": "○"}


def picture(line: Timeline, charts: Sequence[Chart], lanes: Sequence[Lane]) -> str:
    """Return the picture; empty without data."""
    if not charts:
        return ""
    top = TOP + len(lanes) * LANE + GAP
    height = top + len(charts) * (PANEL + GAP) - GAP + FOOT
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Over time: {escape(", ".join(chart.title for chart in charts))}">'
    ]
    for number, lane in enumerate(lanes):
        parts += _lane(lane, TOP + number * LANE, line)
    for number, chart in enumerate(charts):
        parts += _backdrop(lanes, top + number * (PANEL + GAP), line, chart.kind)
        parts += _panel(chart, top + number * (PANEL + GAP), line)
    parts += _clock(line, height)
    return "\n".join((*parts, "</svg>"))


def _lane(lane: Lane, top: int, line: Timeline) -> Iterator[str]:
    base = top + LANE - 6
    if lane.sort in _POINTS:
        yield f'<text class="axis" x="{LEFT - 8}" y="{base}">{escape(lane.name.lower())}</text>'
    seen = [(span, across) for span in lane.spans if (across := _reach(span, line)) is not None]
    for number, (span, (x, width)) in enumerate(seen):
        told = f"<title>{escape(span.text)}</title>"
        if lane.sort in _POINTS:
            yield f'<text class="{lane.sort}" x="{x:.1f}" y="{base}">{_GLYPHS[lane.sort]}{told}</text>'
            continue
        odd = " odd" if number % 2 else ""
        yield (
            f'<rect class="lane {lane.sort}{odd}" x="{x:.1f}" y="{top}" width="{max(width, 1.5):.1f}" '
            f'height="{LANE - 3}">{told}</rect>'
        )
        if lane.sort == "step":
            name = f"{VERDICTS.get(span.state, '')} {span.text}".strip()
            fits = _LETTER * len(name) + 8 < width
            name = name if fits else span.text.split(" ")[0] if width > 2 * _LETTER else ""
            yield f'<text class="step {span.state}" x="{x + 5:.1f}" y="{base}">{escape(name)}</text>'
    if seen and lane.sort not in ("step", *_POINTS):
        (x, width), free = seen[0][1], seen[1][1][0] if len(seen) > 1 else WIDTH - RIGHT
        yield _beside(lane, x, width, free, base)


def _beside(lane: Lane, x: float, width: float, free: float, base: float) -> str:
    """Return the name of a lane before its first bar, or after it up to what is ``free``, or else on it."""
    name = f"{_GLYPHS[lane.sort]} {lane.name}"
    room = _LETTER * len(name)
    if x - LEFT > room:
        side, place = " end", x - 4
    elif x + width + 4 + room < free:
        side, place = "", x + width + 4
    else:
        side, place = "", x + 5
    return f'<text class="{lane.sort}{side}" x="{place:.1f}" y="{base}">{escape(name)}</text>'


def _backdrop(lanes: Sequence[Lane], top: int, line: Timeline, kind: str) -> Iterator[str]:
    """Yield what lies behind a chart: the levels, and where its own sources were not seen."""
    for lane in lanes:
        for span in lane.spans:
            if (across := _reach(span, line)) is None:
                continue
            x, width = across
            if lane.sort == "step":
                yield f'<line class="step" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL}"/>'
            elif lane.sort == "blind" and kind and lane.name.startswith((f"{kind}@", f"{kind}:")):
                yield f'<rect class="blind" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{PANEL}"/>'


def _panel(chart: Chart, top: int, line: Timeline) -> Iterator[str]:
    on = [curve for curve in chart.curves if curve.on] or list(chart.curves)
    highest = max((value for curve in on for value in curve.line.values if value is not None), default=0.0)
    limits = [limit for limit in chart.limits if limit.value < 4 * highest or limit.value <= 0]
    ceiling = _round_up(max([highest, *(limit.value for limit in limits)]))
    title = f"{chart.title}, {chart.unit}" if chart.unit else chart.title
    yield f'<text class="title" x="{LEFT}" y="{top - 8}">{escape(title)}</text>'
    x = LEFT + 7.2 * len(title) + 18
    for curve in on if len(on) > 1 or on[0].name not in (chart.title.lower(), "requests") else ():
        yield f'<rect class="dot {curve.tone}" x="{x:.0f}" y="{top - 16}" width="9" height="9" rx="2"/>'
        yield f'<text x="{x + 13:.0f}" y="{top - 8}">{escape(curve.name)}</text>'
        x += 6.6 * len(curve.name) + 30
    for share in (0.0, 0.5, 1.0):
        y = top + PANEL * (1 - share)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text class="axis" x="{LEFT - 8}" y="{y + 4:g}">{_number(ceiling * share)}</text>'
    for curve in on:
        yield from _curve(curve, top, ceiling, line, fill=len(on) == 1)
    for limit in limits:
        yield from _limit(limit, top, ceiling)


def _curve(curve: Curve, top: int, ceiling: float, line: Timeline, *, fill: bool) -> Iterator[str]:
    wide = max(1, math.ceil(line.count / MOST))
    width = line.width * wide
    values = _worst(curve.line, wide)
    base = top + PANEL

    def point(place: int, value: float) -> str:
        x = _x(min((place + 0.5) * width, line.seconds), line)
        return f"{x:.1f},{top + PANEL * (1 - max(0.0, value) / ceiling):.1f}"

    for run in _runs(values):
        points = [point(place, value) for place, value in run]
        if len(points) == 1:
            across, down = points[0].split(",")
            yield f'<circle class="dot {curve.tone}" cx="{across}" cy="{down}" r="2"/>'
            continue
        first, last = points[0].split(",")[0], points[-1].split(",")[0]
        if fill:
            edge = " L".join(points)
            yield f'<path class="area {curve.tone}" d="M{first},{base} L{edge} L{last},{base} Z"/>'
        yield f'<polyline class="line {curve.tone}" points="{" ".join(points)}"/>'


def _worst(line: Line, wide: int) -> list[float | None]:
    """Return the highest value of each ``wide`` columns."""
    if wide == 1:
        return list(line.values)
    groups = (line.values[start : start + wide] for start in range(0, len(line.values), wide))
    return [max((value for value in group if value is not None), default=None) for group in groups]


def _limit(limit: Limit, top: int, ceiling: float) -> Iterator[str]:
    y = top + PANEL * (1 - limit.value / ceiling)
    yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<text class="limit" x="{WIDTH - RIGHT}" y="{y - 4:.1f}">{escape(limit.text)}</text>'


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


def _clock(line: Timeline, height: int) -> Iterator[str]:
    span = next((span for span in _SPANS if line.seconds / span <= 9), _SPANS[-1])
    for second in range(0, math.floor(line.seconds) + 1, span):
        x = _x(second, line)
        yield f'<text class="time" x="{x:.1f}" y="{height - FOOT + 18}">{fmt.stopwatch(second)}</text>'


def _reach(span: Span, line: Timeline) -> tuple[float, float] | None:
    """Return where a span lies, and how wide it is; ``None`` for one that is not in the picture."""
    begin = span.begin - line.began
    end = (span.until if span.until is not None else span.begin) - line.began
    if end < 0 or begin > line.seconds:
        return None
    begin, end = max(0.0, begin), min(line.seconds, end)
    return _x(begin, line), _x(end, line) - _x(begin, line)


def _x(second: float, line: Timeline) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / line.seconds


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if value <= step * power * 1.000001)


def _number(value: float) -> str:
    return fmt.count(value) if value >= 100 or float(value).is_integer() else f"{value:.3g}"
