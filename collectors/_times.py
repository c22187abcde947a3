"""The times that log lines carry, as UTC seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_NGINX = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)")
_LOCAL = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)")


@lru_cache(maxsize=256)
def utc_seconds(text: str) -> float | None:
    """Return a time with its zone as UTC seconds, or None if it is none.

    Understood: ``20/Sep/2026:10:01:02 +0200`` (Nginx), ISO 8601 with a zone
    (Gunicorn, Docker), and seconds (Nginx's ``$msec``, Caddy's ``ts``).
    """
    try:
        if found := _ISO.fullmatch(text):
            day, time, fraction, zone = found.groups()
            whole = datetime.fromisoformat(f"{day}T{time}{zone}").timestamp()
            return whole + float(f"0.{fraction or 0}")
        if found := _NGINX.fullmatch(text):
            day, month, year, *clock, zone = found.groups()
            number = _MONTHS.index(month) + 1
            return datetime.fromisoformat(f"{year}-{number:02}-{day}T{':'.join(clock)}{zone}").timestamp()
        if re.fullmatch(r"\d{9,11}(?:\.\d{1,9})?", text):
            return float(text)
    except (ValueError, OverflowError):
        pass
    return None


@lru_cache(maxsize=256)
def utc_seconds_of_local(text: str, utc_offset: int) -> float | None:
    """Return ``2026/09/20 10:01:02``, which names no zone, as UTC seconds."""
    if found := _LOCAL.fullmatch(text):
        try:
            there = datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
            return (there - timedelta(seconds=utc_offset)).timestamp()
        except (ValueError, OverflowError):
            pass
    return None
