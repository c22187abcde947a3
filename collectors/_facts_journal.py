"""From how many lines on a journal leaves lines of a service out: its own limit, or that of journald."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rampdeck.facts import Fact, known, unknown

INTERVAL, BURST = 30.0, 10_000
"""What journald takes where nothing is configured (journald.conf(5))."""
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}


def rate_limit(kind: str, unit: Mapping[str, str], lines: Iterable[str]) -> Fact:
    """Return the fact ``KIND.journal_limit``: ``10000 lines in 30 s``, or ``none``.

    ``unit`` is what systemctl says of the service. A 0 there is its default and
    means that of journald; only in journald's own files it means none
    (systemd#22034).
    """
    name, title = f"{kind}.journal_limit", "lines that the journal takes"
    interval, burst, where = INTERVAL, BURST, "default of journald"
    for key, value, file in _given(lines):
        where = file
        if key == "RateLimitBurst":
            burst = int(value) if value.isdecimal() else burst
        else:
            interval = _seconds(value, interval)
    own_interval = _seconds(unit.get("LogRateLimitIntervalUSec", ""), 0.0)
    own_burst = unit.get("LogRateLimitBurst", "")
    if own_interval or own_burst.strip("0"):
        where = "systemctl show, LogRateLimit*"
        interval = own_interval or interval
        burst = int(own_burst) if own_burst.isdecimal() and int(own_burst) else burst
    if not unit.get("ActiveState"):
        return unknown(name, title, "systemctl does not tell", where)
    return known(name, title, f"{burst} lines in {interval:g} s" if interval and burst else "none", where)


def _given(lines: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return what the files say, in the order in which journald takes it: key, value, file."""
    main: list[tuple[str, str, str]] = []
    dropped: dict[str, list[tuple[str, str, str]]] = {}
    into, file = main, ""
    for line in lines:
        if line.startswith("file /"):
            file = line.removeprefix("file ")
            name = file.rpartition("/")[2]
            # In the order of the folders: a later file of that name takes the place of an earlier one.
            into = main if ".conf.d/" not in file else dropped.setdefault(name, [])
            into.clear()
        elif "=" in line:
            key, _, value = (part.strip() for part in line.partition("="))
            into.append((key, value, file))
    return [*main, *(entry for name in sorted(dropped) for entry in dropped[name])]


def _seconds(text: str, otherwise: float) -> float:
    """Return a time span of systemd (``30s``, ``1min 30s``, ``0``) in seconds."""
    parts = _SPAN.findall(text)
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        return otherwise
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
