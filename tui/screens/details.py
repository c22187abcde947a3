"""What stands behind a row: every percentile of a step or of a request name, by every clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from rampdeck import format as fmt
from rampdeck.details import RequestDetails, SpanDetails, StepDetails
from rampdeck.snapshot import Figures, Spread, Spreads, StepRow

from ..drawing import fit, fit_right, safe
from .dialogs import Dialog, plain

LABEL = 17
NUMBER = 8
WIDEST = 104
WIDE = 92
"""Cells from which on every column is shown."""


class Details(Dialog[None]):
    """The base of both: a title, tables of figures under their headings, as of the moment it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "Close")]

    def heading(self) -> str:
        """Return the title."""
        raise NotImplementedError

    def parts(self, width: int) -> Iterable[tuple[str, Sequence[str]]]:
        """Return each part: its heading and its lines."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the parts one below the other."""
        width = min(WIDEST, self.app.size.width * 94 // 100 - 8)
        with Vertical(classes="dialog dialog-wide"):
            yield Static(plain(self.heading()), classes="dialog-title")
            with VerticalScroll(classes="dialog-scroll"):
                for heading, lines in self.parts(width):
                    yield Static(plain(heading), classes="dialog-heading")
                    yield Static(plain("\n".join(lines)), classes="dialog-text dialog-apart")
            yield Static("times in ms, as of this moment · ↑ ↓ scroll · esc closes", classes="dialog-hint")


class OpenedStep(Details):
    """One load level, whole."""

    def __init__(self, details: StepDetails, row: StepRow | None) -> None:
        super().__init__()
        self._details = details
        self._row = row

    def heading(self) -> str:
        """Return number, name, users and verdict."""
        step = self._details.step
        name = f" “{safe(step.stage, 40)}”" if step.stage else ""
        verdict = f" · {self._row.verdict}" if self._row and self._details.measured else ""
        return f"Step {step.number}{name} · {fmt.count(step.users)} users, by {step.cause}{verdict}"

    def parts(self, width: int) -> Iterable[tuple[str, Sequence[str]]]:
        """Return the marks, the percentiles, and the request names."""
        measured = self._details.measured
        if self._row and self._row.marks:
            yield "Why not to trust it", [f"▲ {safe(mark, 300)}" for mark in self._row.marks]
        if measured is None:
            yield "Not measured", ["The level did not last beyond its ramp and settling."]
            return
        yield _told(measured), percentiles(measured.spreads, width)
        lines = self._names(width) if self._details.requests else []
        if self._details.left_out:
            lines.append(f"{fmt.count(self._details.left_out)} more names are in the session file")
        yield "By request name", lines

    def _names(self, width: int) -> list[str]:
        wide = width >= WIDE
        titles = ("REQS", "FAIL %", *(("P50",) if wide else ()), "P95", "P99", "P99.9",
                  *(("MAX", "DELAY") if wide else ()))  # fmt: skip
        room = max(width - 8 - NUMBER * len(titles) - 1, 8)
        lines = [fit("METHOD", 8) + fit("NAME", room) + "".join(fit_right(title, NUMBER) for title in titles)]
        for one in self._details.requests:
            figures = one.figures
            cells = [fmt.count(figures.requests), fmt.share(figures.error_rate)]
            times = [figures.p95, figures.p99, figures.p999]
            if wide:
                times = [figures.p50, *times, figures.highest, figures.delay_p95]
            cells += map(fmt.milliseconds, times)
            lines.append(
                fit(safe(one.method, 20), 7) + " " + fit(safe(one.name, 200), room)
                + "".join(fit_right(cell, NUMBER) for cell in cells)
            )  # fmt: skip
        return lines


class OpenedRequest(Details):
    """One request name: the last seconds, this step, the whole run."""

    def __init__(self, details: RequestDetails) -> None:
        super().__init__()
        self._details = details

    def heading(self) -> str:
        """Return method and name."""
        return f"{safe(self._details.method, 20)} {safe(self._details.name, 80)}".strip()

    def parts(self, width: int) -> Iterable[tuple[str, Sequence[str]]]:
        """Return the percentiles of each span."""
        for span in self._details.spans:
            yield f"{span.title[:1].upper()}{span.title[1:]}: {_told(span)}", percentiles(span.spreads, width)


def percentiles(spreads: Spreads, width: int) -> list[str]:
    """Return a table: a line a clock, a column a percentile; clocks without a time are left out."""
    wide = width >= WIDE
    titles = ("COUNT", *(("MEAN",) if wide else ()), "P50", *(("P90",) if wide else ()), "P95", "P99",
              "P99.9", "P99.99", "MAX")  # fmt: skip
    number = NUMBER if wide else NUMBER - 1
    lines = [" " * LABEL + "".join(fit_right(title, number) for title in titles)]
    rows: tuple[tuple[str, Spread], ...] = (
        ("all", spreads.all),
        ("successes", spreads.ok),
        ("failures", spreads.failed),
        ("Locust's clock", spreads.locust),
        ("generator delay", spreads.delay),
        ("corrected", spreads.corrected),
    )
    for label, spread in rows:
        if not spread.count:
            continue
        times = [spread.p50, spread.p95, spread.p99, spread.p999, spread.p9999, spread.highest]
        if wide:
            times = [spread.mean, spread.p50, spread.p90, *times[1:]]
        cells = [fmt.count(spread.count), *map(fmt.milliseconds, times)]
        lines.append(fit(label, LABEL) + "".join(fit_right(cell, number) for cell in cells))
    return lines


def _told(span: SpanDetails) -> str:
    figures = span.figures
    told = [
        f"{fmt.count(figures.requests)} requests in {fmt.duration(figures.seconds)}",
        f"{fmt.rate(figures.rps)}/s",
        f"{fmt.share(figures.error_rate)}{fmt.THIN}% failed",
        clock_of(figures),
    ]
    return " · ".join(part for part in told if part)


def clock_of(figures: Figures) -> str:
    """Return whose clock the times are of; empty without requests."""
    if not figures.requests:
        return ""
    if not figures.stamped:
        return "Locust's clock"
    if figures.stamped < figures.requests:
        return f"wire times of {100 * figures.stamped // figures.requests}{fmt.THIN}%, others Locust's clock"
    return "wire times"
