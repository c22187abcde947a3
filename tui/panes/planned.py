"""The plan before it flies: its stages as a table, its users over time as a small chart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from rampdeck import format as fmt
from rampdeck.model import Stage

from ..drawing import EMPTY_LINE, Line, Tone, fit, fit_right, line_width, safe, width_of, wrap
from ..spark import area, nice_top
from ..widgets.pane import Pane

NUMBER = 8
WARM_UP = "  warm-up"
AXIS = 7
"""Cells left of the chart."""
NARROWEST_CHART = 16
WIDEST_CHART = 60
LOWEST_CHART = 4
HIGHEST_CHART = 8
NO_END = 0.25
"""The share of the chart that a stage without an end takes."""


class PlanPane(Pane):
    """The stages that ``enter`` would start."""

    help = (
        "The stages that `enter` starts: users, how many of them begin in a second, and how long the "
        "level is held once they are there; beside or below it the users over time. A warm-up is not "
        "measured."
    )

    def __init__(self) -> None:
        super().__init__(3, "Plan", id="plan")

    def body(self, width: int, height: int) -> list[Line]:
        """Return table and chart, side by side or one below the other, or what takes the place of a plan."""
        load = self.snapshot.load
        if not load.plan:
            words = (
                "the locustfile's LoadTestShape drives the load; enter starts it"
                if load.shape
                else "no plan: after enter, + raises the load by a step and g goes to a number of users; "
                "stages of rampdeck.toml, or -u, make one"
            )
            return [((line, Tone.MUTED),) for line in wrap(words, width, height)]
        name = min(max(max(width_of(safe(one.name, 40)) for one in load.plan), 5), 14)
        table = list(_table(load.plan, name, height))
        across = name + 3 * NUMBER + (len(WARM_UP) if any(one.warmup for one in load.plan) else 0)
        beside, below = min(width - across - 3 - AXIS, WIDEST_CHART), height - len(table)
        if beside < NARROWEST_CHART:
            room = min(width - AXIS, WIDEST_CHART)
            return [*table, *_chart(load.plan, room, below)] if below >= LOWEST_CHART else table
        drawn = _chart(load.plan, beside, min(height, HIGHEST_CHART))
        rows = itertools.zip_longest(table, drawn, fillvalue=EMPTY_LINE)
        return [(*left, (" " * (across - line_width(left) + 3), Tone.TEXT), *right) for left, right in rows]

    def state(self) -> Line:
        """Return how long it takes as planned, and the most users."""
        load = self.snapshot.load
        if not load.plan:
            return ()
        most = f"max {fmt.count(max(one.users for one in load.plan))} users"
        seconds = load.total or _length(load.plan)
        return ((f"{_span(seconds)} · {most}", Tone.MUTED),)


def _table(plan: Sequence[Stage], name: int, height: int) -> Iterator[Line]:
    titles = "".join(fit_right(title, NUMBER) for title in ("USERS", "SPAWN/S", "HOLD"))
    yield ((fit("STAGE", name) + titles, Tone.MUTED),)
    room = max(height - 1, 1)
    shown = plan if len(plan) <= room else plan[: room - 1]
    for stage in shown:
        figures = (fmt.count(stage.users), f"{stage.spawn_rate:g}", _span(stage.hold))
        yield (
            (fit(safe(stage.name, 40), name), Tone.TEXT),
            (fit_right(figures[0], NUMBER), Tone.STRONG),
            ("".join(fit_right(text, NUMBER) for text in figures[1:]), Tone.TEXT),
            (WARM_UP if stage.warmup else "", Tone.MUTED),
        )
    if len(shown) < len(plan):
        yield ((fit(f"… {len(plan) - len(shown)} more stages", name + 3 * NUMBER), Tone.MUTED),)


def _chart(plan: Sequence[Stage], width: int, height: int) -> list[Line]:
    top = nice_top(max(stage.users for stage in plan))
    lines: list[Line] = []
    for row, text in enumerate(area(_profile(plan, width), height, top)):
        level = round(top * (height - row) / height)
        label = fmt.count(level) if row in (0, height // 2) else ("0" if row == height - 1 else "")
        axis = " ┤" if label else " │"
        lines.append(((fit_right(label, AXIS - 2), Tone.MUTED), (axis, Tone.FRAME), (text, Tone.SPARK)))
    return lines


def _profile(plan: Sequence[Stage], width: int) -> list[float | None]:
    """Return the planned users at ``width`` moments, spread evenly over the plan."""
    corners: list[tuple[float, float]] = [(0.0, 0.0)]
    known = sum(stage.hold for stage in plan if math.isfinite(stage.hold)) + _ramps(plan)
    for stage in plan:
        second, users = corners[-1]
        second += abs(stage.users - users) / stage.spawn_rate
        held = stage.hold if math.isfinite(stage.hold) else max(known * NO_END / (1 - NO_END), 1.0)
        corners += [(second, stage.users), (second + held, stage.users)]
    end = corners[-1][0]
    return [_at(corners, (place + 0.5) * end / width) for place in range(width)]


def _at(corners: Sequence[tuple[float, float]], second: float) -> float | None:
    for (begin, low), (end, high) in itertools.pairwise(corners):
        if second <= end:
            users = high if end <= begin else low + (high - low) * (second - begin) / (end - begin)
            return users if users > 0 else None
    return None


def _ramps(plan: Sequence[Stage]) -> float:
    users = (0, *(stage.users for stage in plan))
    changes = zip(itertools.pairwise(users), plan, strict=True)
    return sum(abs(after - before) / stage.spawn_rate for (before, after), stage in changes)


def _length(plan: Sequence[Stage]) -> float:
    return sum(stage.hold for stage in plan) + _ramps(plan)


def _span(seconds: float) -> str:
    return fmt.duration(seconds) if math.isfinite(seconds) else "no end"
