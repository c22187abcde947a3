"""How numbers, times and lists of names are written, on the screen and in the record.

Thousands are set apart by a thin space, at most four digits carry meaning, and
a number never brings its unit: the header or the label says it once
(:func:`with_unit` for the places that stand alone). ``None`` is written as a
dash, so that no data never looks like zero. Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from rampdeck.view import Unit

THIN = "\N{THIN SPACE}"
NOTHING = "–"
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_LARGE = ("M", "G", "T")


def count(number: float | None) -> str:
    """Return a number of things: ``45 829``; from ten millions on ``12.3 M``."""
    if number is None:
        return NOTHING
    whole = round(number)
    if abs(whole) < 10_000_000:
        return _grouped(whole)
    scaled = number / 1e6
    for letter in _LARGE:
        if abs(scaled) < 999.5 or letter == _LARGE[-1]:
            return f"{scaled:.{_decimals(scaled, 3)}f}{THIN}{letter}"
        scaled /= 1000
    raise AssertionError("unreachable")


def rate(number: float | None) -> str:
    """Return a rate with one decimal, and without one from 1 000 on: ``156.0``, ``4 812``."""
    if number is None:
        return NOTHING
    return f"{number:.1f}" if abs(number) < 999.95 else count(number)


def milliseconds(number: float | None) -> str:
    """Return milliseconds: ``0.012`` below a tenth, ``4.2`` below ten, then whole ones: ``52``, ``1 204``."""
    if number is None:
        return NOTHING
    if 0.0005 <= abs(number) < 0.095:
        return f"{number:.3f}"
    return f"{number:.1f}" if abs(number) < 9.95 else _grouped(round(number))


def percent(number: float | None) -> str:
    """Return per cent (not a share): ``0.13`` below ten, ``97.2`` above, ``100``."""
    if number is None:
        return NOTHING
    if abs(number) >= 99.95:
        return _grouped(round(number))
    return f"{number:.2f}" if abs(number) < 9.995 else f"{number:.1f}"


def share(number: float | None) -> str:
    """Return a share of 0 to 1 as per cent."""
    return percent(None if number is None else number * 100)


def size(number: float | None) -> str:
    """Return bytes with their unit, in steps of 1 024 as PostgreSQL writes them: ``3.2 MB``."""
    if number is None:
        return NOTHING
    scaled = float(number)
    for unit in _SIZES:
        if abs(scaled) < 999.5 or unit == _SIZES[-1]:
            digits = 0 if unit == "B" or abs(scaled) >= 99.5 else 1
            return f"{scaled:.{digits}f}{THIN}{unit}"
        scaled /= 1024
    raise AssertionError("unreachable")


def duration(seconds: float | None) -> str:
    """Return a span with its units: ``0.2 s``, ``41 s``, ``12 min``, ``1 h 05 min``, ``3 d 4 h``."""
    if seconds is None:
        return NOTHING
    if abs(seconds) < 9.95:
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole}{THIN}s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}{THIN}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{THIN}h{THIN}{minutes:02}{THIN}min"
    return f"{hours // 24}{THIN}d{THIN}{hours % 24}{THIN}h"


def age(seconds: float | None) -> str:
    """Return how long ago something was, in whole units, so that it does not flicker: ``4 s``."""
    if seconds is None:
        return NOTHING
    return f"{int(seconds)}{THIN}s" if seconds < 120 else duration(seconds)


def stopwatch(seconds: float) -> str:
    """Return elapsed time as a watch shows it: ``12:34``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def clock(utc: float, zone: tzinfo | None = None) -> str:
    """Return the time of day of a Unix time: ``12:24:10``; in local time unless a zone is given."""
    return datetime.fromtimestamp(utc, zone).strftime("%H:%M:%S")


def in_utc(utc: float) -> str:
    """Return the time of day of a Unix time as records say it: ``12:24:10 UTC``."""
    return f"{clock(utc, UTC)} UTC"


def were(names: Sequence[str]) -> str:
    """Return names with their verb: ``a was``, ``a, b and c were``."""
    if len(names) == 1:
        return f"{names[0]} was"
    return f"{', '.join(names[:-1])} and {names[-1]} were"


def value(number: float | None, unit: Unit) -> str:
    """Return a number as its unit asks for; only sizes and spans bring their unit along."""
    match unit:
        case Unit.MILLISECONDS:
            return milliseconds(number)
        case Unit.PERCENT:
            return percent(number)
        case Unit.SECONDS:
            return duration(number)
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            return size(number)
        case Unit.PER_SECOND:
            return rate(number)
        case _:
            return count(number) if number is None or float(number).is_integer() else rate(number)


def with_unit(number: float | None, unit: Unit) -> str:
    """Return a number and its unit: ``270 ms``, ``1.84 %``, ``156.0 /s``."""
    text = value(number, unit)
    if number is None:
        return text
    match unit:
        case Unit.MILLISECONDS | Unit.PERCENT:
            return f"{text}{THIN}{unit.value}"
        case Unit.PER_SECOND | Unit.BYTES_PER_SECOND:
            return f"{text}/s"
        case _:
            return text


def _grouped(whole: int) -> str:
    return f"{whole:,}".replace(",", THIN)


def _decimals(number: float, digits: int) -> int:
    before = len(str(int(abs(number))))
    return max(digits - before, 0)
