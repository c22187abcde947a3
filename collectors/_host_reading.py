"""One reading of a host: the lines of the kernel's files by the name of the file.

``collectors/sh/host.awk`` writes them, as ``FILE<tab>LINE``. Whoever makes
figures of them (processor, disks, workers ...) is a :class:`Part` and gives a
:class:`Told`: values, rows of tables, and what is out of order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from rampdeck.model import Value

from ._states import Alarm


def number(text: str) -> float:
    """Return a number that a file holds; anything else, endless ones too, is a ``ValueError``."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


@dataclass(frozen=True, slots=True)
class Reading:
    """What a host wrote at once: lines by file. A file that it does not have is not there."""

    files: Mapping[str, list[str]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Sort the lines to their files."""
        files: dict[str, list[str]] = {}
        for line in text.split("\n"):
            name, tab, rest = line.partition("\t")
            lines = files.setdefault(name, [])
            if tab:
                lines.append(rest)
        return cls(files)

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file, none if there is no such file."""
        return self.files.get(name, [])

    def numbers(self, name: str) -> dict[str, float]:
        """Return the numbers of a file of the form ``NAME VALUE``; what has another form is passed over."""
        found = {}
        for line in self.lines(name):
            words = line.split()
            if len(words) >= 2:
                try:
                    found[words[0].rstrip(":")] = number(words[1])
                except ValueError:
                    continue
        return found

    def first(self, name: str) -> float | None:
        """Return the number that a file begins with; ``None`` if it does not, as where it says ``max``."""
        return next(self.rows(name), [None])[0]

    def rows(self, name: str) -> Iterator[list[float | None]]:
        """Yield the words of each line as numbers; ``None`` for one that is none."""
        for line in self.lines(name):
            if words := line.split():
                yield [_number_or_none(word) for word in words]

    @property
    def uptime(self) -> float:
        """Seconds since the host's start: the clock that its counters are measured by."""
        return self.first("uptime") or 0.0

    @property
    def ticks(self) -> float:
        """Clock ticks a second."""
        return self.numbers("shell").get("ticks") or 100.0

    @property
    def page(self) -> float:
        """Bytes of a page."""
        return self.numbers("shell").get("page") or 4096.0

    def boxes(self) -> dict[str, Reading]:
        """Return the readings of containers and units, by name."""
        found: dict[str, dict[str, list[str]]] = {}
        for path, lines in self.files.items():
            kind, _, rest = path.partition("/")
            name, slash, file = rest.partition("/")
            if kind == "box" and slash:
                found.setdefault(name, {})[file] = lines
        return {name: Reading(files) for name, files in found.items()}


def _number_or_none(text: str) -> float | None:
    try:
        return number(text)
    except ValueError:
        return None


@dataclass(slots=True)
class Told:
    """What a part makes of a reading."""

    values: dict[str, float] = field(default_factory=dict)
    rows: list[Mapping[str, Value]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    @classmethod
    def together(cls, parts: Iterable[Told]) -> Self:
        """Join what several parts say, with as many digits as are read: all of it is stored each second."""
        whole = cls()
        for part in parts:
            whole.values |= {name: round(value, 3) for name, value in part.values.items()}
            whole.rows += map(_short, part.rows)
            whole.alarms += part.alarms
        return whole

    def most(self, name: str, values: Iterable[float | None]) -> None:
        """Take the highest of some as a value, where there is any."""
        known = [value for value in values if value is not None]
        if known:
            self.values[name] = max(known)


def _short(row: Mapping[str, Value]) -> dict[str, Value]:
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}


class Part(Protocol):
    """Makes figures of a part of each reading; remembers what it needs of the ones before."""

    def read(self, reading: Reading) -> Told:
        """Take the next reading."""
