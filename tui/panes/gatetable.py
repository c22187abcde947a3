"""The table of the zoomed gate: every threshold with what it says now and what it has come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rampdeck import format as fmt
from rampdeck.snapshot import ThresholdView
from rampdeck.view import Unit

from ..drawing import Line, Span, Tone, fit, fit_right, safe, width_of
from ..signs import THRESHOLD, shown_state

WIDE = 120
"""Cells from which on there is room for all columns, and for whole expressions."""
GAP = 2
LEAST = 12
"""Cells below which a place says nothing any more."""
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of figures, with its width in a wide and in a narrow table; 0: it is left out there."""

    title: str
    wide: int
    narrow: int
    cell: Callable[[ThresholdView], Span]


def limit_of(one: ThresholdView) -> str:
    """Return operator and limit, the limit as short as a person would write it: ``< 0.5 %``."""
    limit, unit = float(one.limit), one.unit
    if unit in (Unit.BYTES, Unit.BYTES_PER_SECOND, Unit.SECONDS):
        return f"{one.operator} {fmt.with_unit(limit, unit)}"
    number = fmt.count(limit) if limit.is_integer() else f"{limit:g}"
    gap = fmt.THIN if unit in (Unit.MILLISECONDS, Unit.PERCENT) else ""
    return f"{one.operator} {number}{gap}{'' if unit is Unit.TEXT else unit.value}"


def table(thresholds: Sequence[ThresholdView], width: int) -> list[Line]:
    """Return a line with the titles and one for each threshold.

    Where there is little room, what is judged stands for the expression and the samples are left out.
    """
    wide = width >= WIDE
    columns = [(size, one) for one in _COLUMNS if (size := one.wide if wide else one.narrow)]
    names = [safe(one.expression if wide else one.label) for one in thresholds]
    left = width - 2 - sum(size for size, _ in columns)
    places = max(width_of(safe(one.where)) for one in thresholds) + GAP
    name = max(min(max(map(width_of, names)), left - min(places, left // 2)), 0)
    if left - name < GAP + LEAST:
        name = left
    figures = "".join(fit_right(column.title, size) for size, column in columns)
    titles = "  " + fit("THRESHOLD", name) + figures
    lines: list[Line] = [((titles + _place("WHERE", left - name), Tone.MUTED),)]
    for text, one in zip(names, thresholds, strict=True):
        sign, tone = THRESHOLD[shown_state(one)]
        told = ((size, *column.cell(one)) for size, column in columns)
        lines.append(
            (
                (f"{sign} ", tone),
                (fit(text, name), Tone.MUTED if one.warns else Tone.TEXT),
                *((fit_right(figure, size), hue) for size, figure, hue in told),
                (_place(safe(one.where), left - name), Tone.MUTED),
            )
        )
    return lines


def _place(text: str, width: int) -> str:
    return " " * min(GAP, width) + fit(text, width - GAP)


def _now(one: ThresholdView) -> Span:
    tone = THRESHOLD[shown_state(one)][1]
    return fmt.with_unit(one.value, one.unit), tone if tone in (Tone.BAD, Tone.WARNING) else Tone.TEXT


def _worst(one: ThresholdView) -> Span:
    return fmt.with_unit(one.worst, one.unit), _ever(one)


def _margin(one: ThresholdView) -> Span:
    if one.margin is None:
        return NOTHING, Tone.MUTED
    share = f"{one.margin * 100:+,.0f}".replace(",", fmt.THIN)
    return f"{share}{fmt.THIN}%", _ever(one)


def _first(one: ThresholdView) -> Span:
    return (fmt.clock(one.first_breach.utc) if one.first_breach else NOTHING), _ever(one)


def _longest(one: ThresholdView) -> Span:
    if not one.breaches:
        return NOTHING, Tone.MUTED
    times = f"{one.breaches}× " if one.breaches > 1 else ""
    return f"{times}{fmt.age(one.longest)}", _ever(one)


def _ever(one: ThresholdView) -> Tone:
    """Return the tone of what a threshold has come to: what only warns never alarms."""
    if one.failed:
        return Tone.WARNING if one.warns else Tone.BAD
    return Tone.MUTED if one.worst is None else Tone.TEXT


_COLUMNS = (
    _Column("NOW", 11, 10, _now),
    _Column("LIMIT", 12, 10, lambda one: (limit_of(one), Tone.MUTED)),
    _Column("WORST", 11, 10, _worst),
    _Column("MARGIN", 8, 8, _margin),
    _Column("FIRST", 10, 9, _first),
    _Column("LONGEST", 12, 9, _longest),
    _Column("SAMPLES", 9, 0, lambda one: (fmt.count(one.samples), Tone.MUTED)),
)
