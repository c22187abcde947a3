"""Values in sentences: plain characters, with their unit."""

from __future__ import annotations

from rampdeck.view import Unit

NOTHING = "-"


def told(value: float | None, unit: Unit, limit: float | None = None) -> str:
    """Return a value with its unit: ``1 204 ms``, ``1.84 %``, ``38.2/s``.

    A value that would read like the limit it is compared with gets the
    decimals that tell them apart: ``800.3 ms`` against 800.
    """
    if value is None:
        return NOTHING
    digits = _digits(value, unit)
    if limit is not None:
        while digits < 6 and value != limit and round(value, digits) == round(limit, digits):
            digits += 1
    text = f"{value:,.{digits}f}".replace(",", " ")
    match unit:
        case Unit.PER_SECOND | Unit.BYTES_PER_SECOND:
            return f"{text}{unit.value}"
        case Unit.COUNT | Unit.TEXT:
            return text
        case _:
            return f"{text} {unit.value}"


def _digits(value: float, unit: Unit) -> int:
    if unit is Unit.COUNT and float(value).is_integer():
        return 0
    if unit is Unit.PERCENT:
        return 2 if abs(value) < 10 else 1
    return 0 if abs(value) >= 100 else 1
