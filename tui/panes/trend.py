"""The run over time: p95 as a line, users, rate and failures below it."""

from __future__ import annotations

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import Series, ThresholdState, ThresholdView
from rampdeck.view import Unit

from ..drawing import Line, Span, Tone, fit_right
from ..spark import bars, braille, columns, nice_top
from ..widgets.pane import Pane

SPAN = 300
AXIS = 6


class TrendPane(Pane):
    """The last five minutes: p95 with its limit, and the load that made it."""

    help = (
        "The last five minutes. The line is the p95 of all requests in each second, the dashes are the "
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
            limit.state, Health.LIVE
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
        trend, second = self.snapshot.trend, int(self.snapshot.at.mono)
        plot = width - AXIS - 1
        below = [
            ("users", trend.users, fmt.count(_last(trend.users)), Tone.SPARK),
            ("rps", trend.rps, fmt.rate(_last(trend.rps)), Tone.SPARK),
            ("fail", trend.error_rate, f"{fmt.share(_last(trend.error_rate))} %", Tone.BAD),
        ][: max(height - 4, 0)]
        lines = self._chart(plot, height - len(below), second)
        value_width = 8
        for label, series, value, tone in below:
            drawn = bars(columns(series, plot - value_width, second, SPAN))
            lines.append(
                (
                    (fit_right(label, AXIS - 1) + "  ", Tone.MUTED),
                    *_coloured(drawn, tone),
                    (fit_right(value, value_width), Tone.STRONG),
                )
            )
        return lines

    def state(self) -> Line:
        """Return the span of the time axis."""
        return (("last 5 min", Tone.MUTED),)

    def _chart(self, plot: int, height: int, second: int) -> list[Line]:
        value_width = 8
        plot -= value_width
        series, limit = self.snapshot.trend.p95, self.limit
        values = columns(series, plot * 2, second, SPAN)
        highest = max((value for value in values if value is not None), default=0.0)
        wanted = highest
        if limit is not None and limit.limit <= highest * 4:
            wanted = max(highest, limit.limit * 1.1)
        top = nice_top(wanted)
        drawn = braille(values, height, top)
        limit_row = None if limit is None else _row_of(limit.limit, top, height)
        lines: list[Line] = []
        for row, text in enumerate(drawn):
            level = top * (height - row) / height if row else top
            label = fmt.milliseconds(level) if row in (0, height // 2) else ("0" if row == height - 1 else "")
            edge = "┤" if label else "│"
            cells = self._cells(text, row == limit_row)
            lines.append(
                (
                    (fit_right(label, AXIS - 1), Tone.MUTED),
                    (f" {edge}"[-2:], Tone.FRAME),
                    *cells,
                    *self._legend(row, limit_row, value_width),
                )
            )
        return lines

    def _cells(self, text: str, at_limit: bool) -> Line:
        if not at_limit:
            return ((text, Tone.SPARK),)
        spans: list[Span] = []
        for character in text:
            tone, shown = (Tone.WARNING, "┄") if character == " " else (Tone.SPARK, character)
            if spans and spans[-1][1] is tone:
                spans[-1] = (spans[-1][0] + shown, tone)
            else:
                spans.append((shown, tone))
        return tuple(spans)

    def _legend(self, row: int, limit_row: int | None, width: int) -> Line:
        if row == 0:
            value = fmt.milliseconds(_last(self.snapshot.trend.p95))
            tone = {Health.BLIND: Tone.BAD, Health.WARNING: Tone.WARNING}.get(self.health, Tone.STRONG)
            return ((fit_right(value, width), tone),)
        if row == 1 and limit_row != 1:
            return ((fit_right("p95 ms", width), Tone.MUTED),)
        if row == limit_row and self.limit is not None:
            return ((fit_right(f"<{fmt.milliseconds(self.limit.limit)}", width), Tone.WARNING),)
        return ()


def _last(series: Series) -> float | None:
    return series[-1] if series else None


def _row_of(value: float, top: float, height: int) -> int | None:
    """Return the chart row, from the top, in which a value lies."""
    if not 0 <= value <= top:
        return None
    steps = height * 4 - 1
    return height - 1 - round(value / top * steps) // 4


def _coloured(drawn: str, tone: Tone) -> Line:
    """Return bars; in an alarming tone only where there is something to see."""
    if tone is Tone.SPARK:
        return ((drawn, tone),)
    spans: list[Span] = []
    for character in drawn:
        now = Tone.SPARK if character in " ▁" else tone
        if spans and spans[-1][1] is now:
            spans[-1] = (spans[-1][0] + character, now)
        else:
            spans.append((character, now))
    return tuple(spans)
