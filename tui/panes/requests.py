"""The requests: one row a name, what fails on top, all together at the foot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rampdeck import format as fmt
from rampdeck.model import Health
from rampdeck.snapshot import Figures, RequestRow, Series, Snapshot

from ..drawing import Line, Span, Tone, cut, fit, fit_right, joined, safe
from ..signs import HEALTH, WORST, worst
from ..spark import span_of, sparkline
from ..widgets.pane import Pane

METHOD_WIDTH = 7
NARROWEST_NAME = 14
WIDEST_NAME = 44


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of figures: which one, how it is written, and when it is shown.

    ``whole`` takes the figure of the whole run instead of the last seconds.
    ``rank`` tells which columns give way first where there is little room: the
    highest. ``alarm`` gives a figure above zero the colour of its row.
    """

    title: str
    width: int
    figure: Callable[[Figures], float | None]
    write: Callable[[float | None], str]
    whole: bool = False
    rank: int = 0
    alarm: bool = False

    def value(self, now: Figures, whole: Figures) -> float | None:
        """Return the figure of a row."""
        return self.figure(whole if self.whole else now)


COLUMNS = (
    NumberColumn("REQS", 8, attrgetter("requests"), fmt.count, whole=True),
    NumberColumn("FAILS", 7, attrgetter("failures"), fmt.count, whole=True, rank=2),
    NumberColumn("RPS", 7, attrgetter("rps"), fmt.rate),
    NumberColumn("FAIL %", 7, attrgetter("error_rate"), fmt.share, alarm=True),
    NumberColumn("P50", 7, attrgetter("p50"), fmt.milliseconds, rank=1),
    NumberColumn("P95", 7, attrgetter("p95"), fmt.milliseconds),
    NumberColumn("P99", 7, attrgetter("p99"), fmt.milliseconds),
    NumberColumn("MAX", 7, attrgetter("highest"), fmt.milliseconds, rank=3),
)

SORTS = ("state", "name", *(column.title.lower() for column in COLUMNS))


class RequestsPane(Pane):
    """The request names with their figures of the last seconds and their p95 over time.

    Rows keep their places while the pane has the focus, so that one can read a
    row; new names are added at the end until then.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "sort", "Sort", tooltip="Order the requests by the next column", id="requests.sort"),
        Binding("enter", "open", "Details", tooltip="Every percentile of this name", id="requests.open"),
    ]
    help = (
        "One row a request name. REQS and FAILS count the whole run, the other figures are of the last "
        "seconds (their number stands in the lower border). What fails comes first. `o` orders by another "
        "column; rows keep their places while the pane has the focus. `enter` shows every percentile of a "
        "row: now, at this step, in the whole run, and by Locust's clock. Times are wire times unless the "
        "lower border says otherwise."
    )

    class Opened(Message):
        """The operator wants the details of a request name."""

        def __init__(self, method: str, name: str) -> None:
            super().__init__()
            self.method = method
            self.name = name

    def __init__(self) -> None:
        super().__init__(1, "Requests", id="requests")
        self.sort = SORTS[0]
        self._top = 0
        self._cursor = 0
        self._frozen: dict[tuple[str, str], int] = {}

    @property
    def health(self) -> Health:
        """The worst of all rows."""
        return worst([row.health for row in self.snapshot.requests])

    def action_sort(self) -> None:
        """Order by the next column."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self._frozen.clear()
        self.redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Keep the rows where they are while one reads, let them move again after."""
        self._frozen.clear()
        self._cursor = self._top
        super().watch_has_focus(has_focus)

    def body(self, width: int, height: int) -> list[Line]:
        """Return the header, the rows that fit, and the sum of all."""
        if not self.snapshot.requests:
            return [(("no requests yet: + raises the load, g goes to a number of users", Tone.MUTED),)]
        columns, name_width, spark_width = self._widths(width)
        rows = self.ordered()
        room = max(height - 2, 1)
        self._top = min(self._top, max(len(rows) - room, 0))
        self._cursor = min(self._cursor, len(rows) - 1)
        second = int(self.snapshot.at.mono)
        lines = [self._header(columns, name_width, spark_width)]
        shown = rows[self._top : self._top + room]
        cursor = self._cursor - self._top if self.has_focus else -1
        lines += [
            self._row(row, columns, name_width, spark_width, second, selected=place == cursor)
            for place, row in enumerate(shown)
        ]
        lines += [()] * (height - 1 - len(lines))
        lines.append(self._sum(columns, name_width, spark_width, second))
        return lines

    def state(self) -> Line:
        """Return the order, the window and how many rows are out of sight."""
        rows, room = len(self.snapshot.requests), max(self.body_size[1] - 2, 1)
        hidden: Line = ()
        if rows > room:
            shown = f"{self._top + 1}–{min(self._top + room, rows)} of {rows}"
            hidden = ((f"{shown} · ", Tone.TEXT),)
        seconds = round(self.snapshot.window.seconds)
        window = f" · window {seconds} s" if seconds else ""
        clock = _clock(self.snapshot.window)
        return (*hidden, (f"sort {self.sort}{window}{clock}", Tone.MUTED))

    def ordered(self) -> list[RequestRow]:
        """Return the rows in the order of the sort, or where they were while one reads."""
        rows = list(self.snapshot.requests)
        if self.has_focus and self._frozen:
            end = len(self._frozen)
            rows.sort(key=lambda row: self._frozen.get((row.method, row.name), end))
        elif self.sort == "state":
            rows.sort(key=lambda row: (WORST.index(row.health), row.name, row.method))
        elif self.sort == "name":
            rows.sort(key=lambda row: (row.name, row.method))
        else:
            column = next(column for column in COLUMNS if column.title.lower() == self.sort)
            rows.sort(key=lambda row: (-(column.value(row.window, row.whole) or 0), row.name, row.method))
        if self.has_focus:
            self._frozen = {(row.method, row.name): place for place, row in enumerate(rows)}
        return rows

    def move(self, lines: int) -> None:
        """Move the cursor, and the rows with it where they do not all fit."""
        room, rows = max(self.body_size[1] - 2, 1), len(self.snapshot.requests)
        self._cursor = min(max(self._cursor + lines, 0), max(rows - 1, 0))
        self._top = min(max(self._top, self._cursor - room + 1), self._cursor)
        self.redraw()

    def move_to(self, end: bool) -> None:
        """Scroll to the first or the last rows."""
        self.move(len(self.snapshot.requests) if end else -len(self.snapshot.requests))

    def clicked(self, line: int) -> None:
        """Put the cursor on a row."""
        if 1 <= line <= max(self.body_size[1] - 2, 1):
            self._cursor = self._top + line - 1
            self.redraw()

    def action_open(self) -> None:
        """Open the details of the row under the cursor."""
        rows = self.ordered()
        if rows:
            row = rows[min(self._cursor, len(rows) - 1)]
            self.post_message(self.Opened(row.method, row.name))

    @property
    def _span(self) -> int:
        """Seconds of the trends: the same for all rows, so that they can be compared."""
        return span_of(self.snapshot.trend.p95)

    def _widths(self, width: int) -> tuple[list[NumberColumn], int, int]:
        """Return the columns that fit, the width of the names and that of the trend."""
        columns = list(COLUMNS)
        longest = max((len(row.name) for row in self.snapshot.requests), default=0)
        wanted = min(max(longest, NARROWEST_NAME), WIDEST_NAME)
        left = width - 2 - METHOD_WIDTH - sum(column.width for column in columns)
        while left < NARROWEST_NAME and (spare := [column for column in columns if column.rank]):
            gone = max(spare, key=lambda column: column.rank)
            columns.remove(gone)
            left += gone.width
        name = min(wanted, left)
        spark = left - name - 2
        if spark < 8 and left >= NARROWEST_NAME + 12:
            name, spark = left - 12, 10
        if spark < 8:
            name, spark = min(left, WIDEST_NAME), 0
        return columns, max(name, 1), min(spark, 60)

    def _header(self, columns: list[NumberColumn], name_width: int, spark_width: int) -> Line:
        spans: list[Span] = [("  " + fit("METHOD", METHOD_WIDTH) + fit("NAME", name_width), Tone.MUTED)]
        for column in columns:
            tone = Tone.STRONG if column.title.lower() == self.sort else Tone.MUTED
            mark = "↓" if tone is Tone.STRONG else ""
            spans.append((fit_right(f"{column.title}{mark}", column.width), tone))
        if spark_width:
            spans.append(("  " + cut(f"P95, {self._span // 60} min", spark_width), Tone.MUTED))
        return tuple(spans)

    def _row(
        self,
        row: RequestRow,
        columns: list[NumberColumn],
        name_width: int,
        spark_width: int,
        second: int,
        selected: bool,
    ) -> Line:
        sign, tone = HEALTH[row.health]
        if selected:
            line = self._row(row, columns, name_width, spark_width, second, selected=False)
            return (line[0], ("".join(text for text, _ in line[1:]), Tone.SELECTED))
        loud = tone if tone in (Tone.BAD, Tone.WARNING) else Tone.TEXT
        return (
            (f"{sign} ", tone),
            (fit(safe(row.method, 20), METHOD_WIDTH - 1) + " ", Tone.MUTED),
            (fit(safe(row.name, 200), name_width), loud),
            *_figures(columns, row.window, row.whole, loud),
            *_trend(row.p95, spark_width, second, self._span),
        )

    def _sum(self, columns: list[NumberColumn], name_width: int, spark_width: int, second: int) -> Line:
        shot: Snapshot = self.snapshot
        return (
            (" " * (2 + METHOD_WIDTH) + fit("All", name_width), Tone.STRONG),
            *_figures(columns, shot.window, shot.whole, Tone.STRONG),
            *_trend(shot.trend.p95, spark_width, second, self._span),
        )


def _figures(columns: list[NumberColumn], now: Figures, whole: Figures, loud: Tone) -> Line:
    """Return the figures; those that may alarm take the tone of their row."""
    usual = Tone.STRONG if loud is Tone.STRONG else Tone.TEXT
    return joined(
        (
            fit_right(column.write(column.value(now, whole)), column.width),
            loud if column.alarm and column.value(now, whole) else usual,
        )
        for column in columns
    )


def _clock(figures: Figures) -> str:
    """Return whose clock the times are of, where it is not the wire's alone."""
    if not figures.requests or figures.stamped == figures.requests:
        return ""
    if not figures.stamped:
        return " · Locust's clock"
    return f" · {100 - 100 * figures.stamped // figures.requests}{fmt.THIN}% by Locust's clock"


def _trend(series: Series, width: int, second: int, span: int) -> Line:
    if not width:
        return ()
    return (("  " + sparkline(series, width, second, span), Tone.SPARK),)
