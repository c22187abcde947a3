"""The run over time: p95 as a line, users, rate and failures below it."""

from __future__ import annotations

import math

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import Series, ThresholdState, ThresholdView
from rampdeck.view import Unit

from ..drawing import Line, Span, Tone, fit_right, joined
from ..signs import shown_state
from ..spark import area, bars, columns, nice_top, span_of
from ..widgets.pane import Pane

AXIS = 7
"""Cells left of the plot."""
LEGEND = 8
"""Cells right of it, for the present values."""


class TrendPane(Pane):
    """The last minutes: p95 with its limit, and the load that made it."""

    help = (
        "The last minutes. The height is the p95 of all requests in each second, the dashes are the "
        "limit of the p95 threshold. Users, rate and failures stand below it on the same time axis, so "
        "that cause and effect are one above the other. A gap is a second without data."
    )

    def __init__(self) -> None:
        super().__init__(4, "Trend", id="trend")

    @property
    def health(self) -> Health:
        """What the p95 threshold says now."""
        limit = self.limit
        if limit is None:
            return Health.LIVE
        return {ThresholdState.FAIL: Health.BLIND, ThresholdState.WARN: Health.WARNING}.get(
            shown_state(limit), Health.LIVE
        )

    @property
    def limit(self) -> ThresholdView | None:
        """The threshold on the p95 of all requests, if there is one."""
        for threshold in self.snapshot.thresholds:
            words = threshold.expression.split()
            if threshold.unit is Unit.MILLISECONDS and words and words[0] in ("p95", "p(95)"):
                return threshold
        return None

    def body(self, width: int, height: int) -> list[Line]:
        """Return the chart, and as many of the sparklines as fit below it."""
        trend, second, span = self.snapshot.trend, int(self.snapshot.at.mono), self._span
        plot = width - AXIS - 1
        below = [
            ("users", trend.users, fmt.count(_last(trend.users)), Tone.SPARK),
            ("rps", trend.rps, fmt.rate(_last(trend.rps)), Tone.SPARK),
            ("fail", trend.error_rate, _per_cent(_last(trend.error_rate)), Tone.BAD),
        ][: max(height - 4, 0)]
        lines = self._chart(plot, height - len(below), second)
        for label, series, value, tone in below:
            drawn = bars(columns(series, plot - LEGEND, second, span))
            lines.append(
                (
                    (fit_right(label, AXIS - 1) + "  ", Tone.MUTED),
                    *_coloured(drawn, tone),
                    (fit_right(value, LEGEND), Tone.STRONG),
                )
            )
        return lines

    def state(self) -> Line:
        """Return the span of the time axis."""
        return ((f"last {self._span // 60} min", Tone.MUTED),)

    @property
    def _span(self) -> int:
        trend = self.snapshot.trend
        return span_of(trend.p95, trend.users)

    def _chart(self, plot: int, height: int, second: int) -> list[Line]:
        plot -= LEGEND
        limit = self.limit
        values = columns(self.snapshot.trend.p95, plot, second, self._span)
        highest = max((value for value in values if value is not None), default=0.0)
        if limit is not None and limit.limit <= highest * 4:
            highest = max(highest, limit.limit * 1.1)
        top = nice_top(highest)
        limit_row = None if limit is None else _row_of(limit.limit, top, height)
        lines: list[Line] = []
        for row, text in enumerate(area(values, height, top)):
            level = top * (height - row) / height
            label = fmt.milliseconds(level) if row in (0, height // 2) else ("0" if row == height - 1 else "")
            lines.append(
                (
                    (fit_right(label, AXIS - 1), Tone.MUTED),
                    (" ┤" if label else " │", Tone.FRAME),
                    *self._cells(text, values, row, limit_row),
                    *self._legend(row, limit_row),
                )
            )
        return lines

    def _cells(self, text: str, values: list[float | None], row: int, limit_row: int | None) -> Line:
        """Return a row of the chart: what is above the limit stands out, the limit is a dashed line."""
        limit = self.limit.limit if self.limit is not None else math.inf
        cells: list[Span] = []
        for character, value in zip(text, values, strict=True):
            if character == " " and row == limit_row:
                cells.append(("┄", Tone.WARNING))
            elif value is not None and value > limit and limit_row is not None and row <= limit_row:
                cells.append((character, Tone.BAD))
            else:
                cells.append((character, Tone.SPARK))
        return joined(cells)

    def _legend(self, row: int, limit_row: int | None) -> Line:
        if row == 0:
            value = fmt.milliseconds(_last(self.snapshot.trend.p95))
            tone = {Health.BLIND: Tone.BAD, Health.WARNING: Tone.WARNING}.get(self.health, Tone.STRONG)
            return ((fit_right(value, LEGEND), tone),)
        if row == 1 and limit_row != 1:
            return ((fit_right("p95 ms", LEGEND), Tone.MUTED),)
        if row == limit_row and self.limit is not None:
            return ((fit_right(f"<{fmt.milliseconds(self.limit.limit)}", LEGEND), Tone.WARNING),)
        return ()


def _per_cent(share: float | None) -> str:
    return fmt.share(share) if share is None else f"{fmt.share(share)} %"


def _last(series: Series) -> float | None:
    return series[-1] if series else None


def _row_of(value: float, top: float, height: int) -> int | None:
    """Return the chart row, from the top, in which a value lies."""
    if not 0 <= value <= top:
        return None
    return min(height - 1, int((1 - value / top) * height))


def _coloured(drawn: str, tone: Tone) -> Line:
    """Return bars; in an alarming tone only where there is something to see."""
    if tone is Tone.SPARK:
        return ((drawn, tone),)
    return joined((character, Tone.SPARK if character in " ▁" else tone) for character in drawn)
