"""What was refused: counted, by where it wanted to go and by the request that wanted it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST = 100
"""Places and requests that are told apart; the rest are counted together."""
OTHERS = "(other places)"
"""Where those wanted to go, and why they might not, that came after too many others."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was refused: ``place`` is an address with its port, or what else was wanted.

    ``request`` is the name of the request that wanted it, empty where there is
    none; ``why`` a sentence; ``first`` and ``last`` are UTC seconds. ``worker``
    is who it was refused to, empty for the cockpit's own process.
    """

    place: str
    request: str
    why: str
    count: int
    first: float
    last: float
    worker: str = ""

    @property
    def told(self) -> str:
        """It as a sentence, for the timeline."""
        whose = f" for “{self.request}”" if self.request else ""
        where = f"worker {self.worker}: " if self.worker else ""
        often = f"{self.count} times: " if self.count > 1 else ""
        return f"{where}refused by the guard{whose}: {often}{self.why}"


class Refusals:
    """All refusals of a run, of this process and of its workers."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str, str], _Count] = {}
        self._untaken: set[tuple[str, str, str]] = set()
        self.total = 0
        self.last = ""
        """Where the last one wanted to go."""

    def add(self, place: str, why: str, request: str = "") -> None:
        """Count one that happened now."""
        now = time.time()
        self.merge([Refusal(place, request, why, 1, now, now)])

    def merge(self, refusals: Iterable[Refusal], worker: str = "") -> None:
        """Count what a worker has told, or what is told of here."""
        for one in refusals:
            key = worker, one.why, one.request
            if key not in self._all and len(self._all) >= MOST:
                key = worker, OTHERS, ""
            if key not in self._all:
                self._all[key] = _Count(one.place if key[1] == one.why else OTHERS, one.first)
            count = self._all[key]
            count.count += one.count
            count.last = max(count.last, one.last)
            self._untaken.add(key)
            self.total += one.count
            self.last = one.place

    @property
    def all(self) -> tuple[Refusal, ...]:
        """Every one, in the order in which they began."""
        return tuple(self._refusal(key) for key in self._all)

    def take(self) -> list[Refusal]:
        """Return those that have grown since the last call, with what they have grown by."""
        keys, self._untaken = self._untaken, set()
        taken = []
        for key in sorted(keys, key=lambda key: self._all[key].first):
            count = self._all[key]
            grown, count.taken = count.count - count.taken, count.count
            taken.append(self._refusal(key, grown))
        return taken

    def _refusal(self, key: tuple[str, str, str], grown: int | None = None) -> Refusal:
        worker, why, request = key
        count = self._all[key]
        number = count.count if grown is None else grown
        return Refusal(count.place, request, why, number, count.first, count.last, worker)


@dataclass
class _Count:
    place: str
    first: float
    last: float = 0.0
    count: int = 0
    taken: int = 0


def pack(refusal: Refusal) -> dict[str, Any]:
    """Return one as plain data, for a message or a file."""
    return asdict(refusal)


def unpack(packed: Mapping[str, Any]) -> Refusal:
    """Return what :func:`pack` was given."""
    return Refusal(**packed)
