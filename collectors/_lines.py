"""Bytes in any split to whole lines, and lines to text that can be stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_LINE = 1 << 20
"""Bytes of a line that are kept; what a longer line has beyond them is dropped."""


class LineBuffer:
    """Collects chunks and gives whole lines back.

    It gives a block of lines, not a list: who reads a thousand lines a second
    can search the block at once.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and return every line it completes, each with its newline."""
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            self._hold(chunk)
            return b""
        block = chunk[:cut]
        if self._size:
            first, _, rest = block.partition(b"\n")
            self._hold(first)
            block = self.clear() + b"\n" + rest
        self._hold(chunk[cut:])
        return block

    def clear(self) -> bytes:
        """Forget the unfinished line and return it."""
        held = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return held

    def _hold(self, part: bytes) -> None:
        if part and self._size < MAX_LINE:
            part = part[: MAX_LINE - self._size]
            self._parts.append(part)
            self._size += len(part)


def pieces(block: bytes, size: int = 8 * 1024) -> Iterator[bytes]:
    """Cut a block of whole lines into smaller ones, of one line at least: as much as is done in one go."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + size) + 1 or len(block)
        yield block[start:end]
        start = end


def lines_of(block: bytes) -> list[bytes]:
    """Return the lines of a block without their newlines."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def text_of(line: bytes) -> str:
    """Return a line as text; bytes that are no UTF-8 become ``\N{REPLACEMENT CHARACTER}``."""
    return line.decode("utf-8", "replace")


def storable(text: str) -> str:
    """Return text without lone surrogates, which no file takes; JSON can carry them."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def json_of(line: str | bytes) -> dict[str, Any]:
    """Return the JSON object that a line is, an empty one where it is none."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def plain(value: Any) -> str:
    """Return a value of such an object as text, empty where it is no text and no number."""
    return storable(str(value)) if isinstance(value, str | int | float) else ""
