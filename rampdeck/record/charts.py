"""What is drawn of a run over time: charts under one another, and above them lanes of what happened.

The browser's charts and the static picture are both made of this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rampdeck.gate.words import told
from rampdeck.model import Instant
from rampdeck.record.result import Result
from rampdeck.record.timeline import ALWAYS, Breach, Timeline
from rampdeck.record.track import Line
from rampdeck.secrets import redact
from rampdeck.snapshot import ThresholdState, ThresholdView
from rampdeck.text import clean
from rampdeck.view import Unit

MOST_LINES = 12
"""Lines of one chart: sources of a kind."""
MOST_CHARTS = 16
MOST_LANES = 10
"""Breached thresholds, and blind sources, that have a lane each."""
MOST_SPANS = 200
_NAME = 120
_KNOWN = {"host.cpu": ("CPU", "%"), "postgres.connections": ("Database connections", "")}
_METRIC = re.compile(r"\s*(p\s*\(\s*([\d.]+)\s*\)|[A-Za-z_][\w.]*)\s*(\{[^}]*\})?")
_REQUESTS = {
    "p50": "times", "p95": "times", "p99": "times", "http_req_duration": "times", "rps": "rps",
    "http_reqs": "rps", "error_rate": "errors", "http_req_failed": "errors", "rate": "errors", "med": "times",
}  # fmt: skip
"""The charts on which a threshold's limit can be drawn."""
_UNITS = {Unit.PER_SECOND: "/s", Unit.BYTES_PER_SECOND: "B/s", Unit.TEXT: ""}


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart; ``tone`` is its class of colour; what is not ``on`` is drawn when asked for."""

    name: str
    tone: str
    line: Line
    on: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """What a threshold asks of a chart."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; ``unit`` stands in its head, once. ``kind`` is the sources' whose lines it has."""

    key: str
    title: str
    unit: str
    curves: tuple[Curve, ...]
    limits: tuple[Limit, ...] = ()
    kind: str = ""

    @property
    def known(self) -> bool:
        """Return whether there is anything to draw."""
        return any(curve.line.known for curve in self.curves)


@dataclass(frozen=True, slots=True)
class Span:
    """Something on a lane, in UTC seconds: a stretch, or a moment where ``until`` is ``None``."""

    begin: float
    until: float | None
    text: str
    state: str = ""
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What happened, of one sort: ``step``, ``breach``, ``blind``, ``finding`` or ``mark``."""

    sort: str
    name: str
    spans: tuple[Span, ...]


def charts(result: Result, line: Timeline) -> list[Chart]:
    """Return the charts that have something to show."""
    if not line.count:
        return []
    times = [
        Curve(name, name, getattr(line, name), on=name == "p95" or not line.p95.known)
        for name in ("p50", "p95", "p99")
        if getattr(line, name).known
    ]
    found = [
        Chart("users", "Users", "", (Curve("users", "users", line.users),)),
        Chart("rps", "Requests", "/s", (Curve("requests", "rps", line.rps),)),
        Chart("times", "Response time", "ms", tuple(times)),
        Chart("errors", "Errors", "%", (Curve("errors", "errors", _times(line.error_rate, 100)),)),
        *_of_sources(result, line),
    ]
    limits = _limits(result.thresholds, {chart.key: chart for chart in found}, line)
    return [
        replace(chart, limits=tuple(limits.get(chart.key, ())))
        for chart in found
        if chart.known
    ]  # fmt: skip


def lanes(result: Result, line: Timeline) -> list[Lane]:
    """Return the lanes, the load levels first."""
    if not line.count:
        return []
    ended = line.began + line.seconds
    found = [Lane("step", "Load", tuple(_steps(result, line)))]
    found += _breaches(result, line)
    for source in result.sources:
        gaps = tuple(
            Span(gap.begin, gap.until if gap.until is not None else ended, _text(gap.why or "blind"))
            for gap in source.gaps[:MOST_SPANS]
        )
        if gaps and sum(lane.sort == "blind" for lane in found) < MOST_LANES:
            found.append(Lane("blind", f"{_text(source.name)} not seen", gaps))
    findings = tuple(
        Span(finding.since, None, _text(f"{finding.layer}: {finding.text}"), _text(finding.severity))
        for finding in result.findings
        if finding.since is not None
    )
    marks = tuple(Span(mark.utc, None, _text(mark.text)) for mark in line.marks[:MOST_SPANS])
    found += [Lane("finding", "Findings", findings), Lane("mark", "Marks", marks)]
    return [lane for lane in found if lane.spans]


def metric_of(expression: str) -> str:
    """Return the metric that a threshold is of, as it is called here: ``p95``, ``host.cpu``."""
    match = _METRIC.match(expression)
    if match is None:
        return ""
    return f"p{float(match[2]):g}" if match[2] else match[1]


def _of_sources(result: Result, line: Timeline) -> Iterator[Chart]:
    wanted = {metric: _KNOWN[metric] for metric in ALWAYS}
    for view in result.thresholds:
        metric = metric_of(view.expression)
        if "." in metric and metric not in wanted and len(wanted) < MOST_CHARTS:
            kind, _, name = metric.partition(".")
            wanted[metric] = (f"{kind} {name.replace('_', ' ')}", _UNITS.get(view.unit, view.unit.value))
    for metric, (title, unit) in wanted.items():
        kind, _, name = metric.partition(".")
        sources = [
            source for source, of in line.tracks if of == name and line.tracks[source, of].kind == kind
        ]
        curves = [(source, line.line(source, name)) for source in sources]
        curves = [(source, drawn) for source, drawn in curves if drawn.known][:MOST_LINES]
        places = [source.partition("@")[2] or source for source, _ in curves]
        alike = len(set(places)) < len(places)
        yield Chart(
            metric,
            _text(title),
            unit,
            tuple(
                Curve(_text(source if alike else place), f"s{number % 6}", drawn)
                for number, ((source, drawn), place) in enumerate(zip(curves, places, strict=True))
            ),
            kind=kind,
        )


def _limits(
    views: Sequence[ThresholdView], drawn: Mapping[str, Chart], line: Timeline
) -> dict[str, list[Limit]]:
    """Return the limits by chart; that of one request name alone is on none."""
    found: dict[str, list[Limit]] = {}
    for view in views:
        match = _METRIC.match(view.expression)
        metric = metric_of(view.expression)
        key = _REQUESTS.get(metric, metric)
        if key not in drawn or match is None or ("." not in key and match[3]):
            continue
        value: float | None = view.limit
        text = f"{view.operator} {told(view.limit, view.unit)}"
        if "." in key and view.unit is Unit.PERCENT and drawn[key].unit != "%":
            value = _share_of_most(key, view.limit, line)
        if "." not in key and metric not in ("p95", "rps", "error_rate", "rate"):
            text = f"{metric} {text}"
        if value is not None and (limit := Limit(value, text)) not in found.setdefault(key, []):
            found[key].append(limit)
    return found


def _share_of_most(metric: str, percent: float, line: Timeline) -> float | None:
    """Return what a per cent of the most of a metric comes to; ``None`` if it is not known or changes."""
    kind, _, name = metric.partition(".")
    mosts = {
        value
        for (source, of), track in line.tracks.items()
        if of == name and track.kind == kind and (source, track.most) in line.tracks
        for value in line.tracks[source, track.most].values
        if math.isfinite(value)
    }
    return mosts.pop() * percent / 100 if len(mosts) == 1 else None


def _steps(result: Result, line: Timeline) -> Iterator[Span]:
    verdicts = {step.number: step for step in result.steps}
    known = {step.number: step for step in line.steps}
    ended = line.began + line.seconds
    for number in sorted({*verdicts, *known}):
        judged, step = verdicts.get(number), known.get(number)
        began = step.began if step else judged.began if judged else None
        if began is None:
            continue
        of = step or judged
        users = of.users if of else 0
        following = verdicts.get(number + 1) or known.get(number + 1)
        until = (
            step.ended.utc if step and step.ended else following.began.utc if following else result.ended.utc
        )
        stage = _text(of.stage if of else "")
        state = judged.verdict.value if judged and judged.measured else ""
        measured = step.measured_from.utc if step and step.measured_from else None
        name = f"{number} {stage}".strip() + f" · {users} users"
        yield Span(max(began.utc, line.began), min(until, ended), name, state, measured)


def _breaches(result: Result, line: Timeline) -> Iterator[Lane]:
    """Yield a lane for each threshold that was broken: its breaches, or at least the first one."""
    count = 0
    for view in result.thresholds:
        spans = _of_levels(result, view) or [
            Span(breach.begin, _until(breach, result), _text(view.expression))
            for breach in line.breaches
            if breach.expression == view.expression
        ]
        if not spans and view.first_breach is not None:
            spans = [_breach(view, view.first_breach)]
        if not spans or count >= MOST_LANES:
            continue
        count += 1
        sort = "warned" if view.warns or view.state is ThresholdState.WARN else "breach"
        yield Lane(sort, _text(view.expression), tuple(spans[:MOST_SPANS]))


def _of_levels(result: Result, view: ThresholdView) -> list[Span]:
    """Return the breaches as the levels have them; none where one has several, of which it knows but one.

    A threshold that is broken at the end of a level turns no more until one holds, and between levels, where
    nothing is measured, it is not broken.
    """
    ofs = [one for step in result.steps for one in step.thresholds if one.expression == view.expression]
    if any(one.breaches > 1 for one in ofs) or sum(one.breaches for one in ofs) != view.breaches:
        return []
    return [_breach(one, one.first_breach) for one in ofs if one.breaches and one.first_breach]


def _breach(view: ThresholdView, first: Instant) -> Span:
    """Return the only breach of a threshold, or at least the first."""
    return Span(first.utc, first.utc + view.longest if view.longest else None, _text(view.expression))


def _until(breach: Breach, result: Result) -> float:
    """Return where a breach ends: with the load at the latest, after which nothing is judged."""
    ended = max(breach.begin, result.ended.utc)
    return ended if breach.until is None else min(breach.until, ended)


def _times(line: Line, factor: float) -> Line:
    def scaled(values: Sequence[float | None]) -> tuple[float | None, ...]:
        return tuple(None if value is None else value * factor for value in values)

    return Line(scaled(line.values), scaled(line.lows), scaled(line.highs))


def _text(raw: str) -> str:
    return redact(clean(raw, _NAME))
