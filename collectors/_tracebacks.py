"""Joining what belongs together: an error and the traceback after it are one event.

Python writes a traceback as many lines, and a journal makes an entry of each.
Lines that say an error are held until the next line of the same process, or a
little quiet, shows that nothing more belongs to them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

QUIET = 0.5
"""Seconds without a line after which a held error is complete."""
LARGEST = 64 * 1024
"""Characters of a joined text; what goes on beyond them becomes a new one."""

START = "Traceback (most recent call last):"
_BETWEEN = ("During handling of the above exception", "The above exception was the direct cause")
# Lines that follow an exception's own: PostgreSQL's, and those of other drivers.
_DETAIL = re.compile(r"(?:DETAIL|HINT|CONTEXT|LINE \d+|STATEMENT|QUERY|CAUSE): ")

T = TypeVar("T")


@dataclass(slots=True)
class _Held(Generic[T]):
    head: T
    texts: list[str]
    size: int
    at: float
    inside: bool  # between "Traceback" and the exception's own line


@dataclass(slots=True)
class Joiner(Generic[T]):
    """Holds one error for each process; ``T`` is whatever the caller knows of its first line.

    ``latest`` is the process whose error grew last: what comes without a
    process (a traceback in a file) goes on with that one. ``errors`` are those
    that are held.
    """

    latest: str = ""
    errors: dict[str, _Held[T]] = field(default_factory=dict)

    def joins(self, process: str, text: str) -> bool:
        """Take a line that continues what is held for its process; say whether it did."""
        held = self.errors.get(process)
        if held is None or held.size + len(text) > LARGEST:
            return False
        if text.startswith((" ", "\t")) or not text or text == START or text.startswith(_BETWEEN):
            held.inside = held.inside or text == START
        elif held.inside:
            held.inside = False
        elif not (len(held.texts) > 1 and _DETAIL.match(text)):
            return False
        held.texts.append(text)
        held.size += len(text)
        held.at = time.monotonic()
        self.latest = process
        return True

    def hold(self, process: str, head: T, text: str) -> None:
        """Begin to hold; nothing may be held for the process (see :meth:`release`)."""
        self.errors[process] = _Held(head, [text], len(text), time.monotonic(), text == START)
        self.latest = process

    def release(self, process: str) -> tuple[T, str, int] | None:
        """Return and forget what is held for a process: its head, the joined text, the number of lines."""
        held = self.errors.pop(process, None)
        return None if held is None else (held.head, "\n".join(held.texts).rstrip("\n"), len(held.texts))

    def ripe(self) -> list[str]:
        """Return the processes whose errors have been quiet long enough."""
        now = time.monotonic()
        return [process for process, held in self.errors.items() if now - held.at >= QUIET]

    def held(self) -> list[str]:
        """Return the processes for which something is held."""
        return list(self.errors)
