"""Lines as data: what a pane wants to show, before there is a colour or a cell.

A line is a tuple of spans, a span is a text and a :class:`Tone`. Lines are
plain values, so that "did this line change?" is one comparison, and a theme
can change without any pane knowing. Widths are terminal cells, never
characters: a Chinese character takes two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from rich.cells import cell_len, set_cell_size

from rampdeck.text import clean


class Tone(StrEnum):
    """What a span means; the stylesheet says how it looks."""

    TEXT = "text"
    STRONG = "strong"
    MUTED = "muted"
    FAINT = "faint"  #: frames' fillers, gaps, what is greyed
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    ALARM = "alarm"  #: nobody may overlook it
    FRAME = "frame"
    FOCUS = "focus"
    SPARK = "spark"
    KEY = "key"
    SELECTED = "selected"


Span = tuple[str, Tone]
Line = tuple[Span, ...]

EMPTY_LINE: Line = ()

_UNSTEADY = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]")


def safe(text: str, most: int = 400) -> str:
    """Return server text as one line whose width every terminal agrees on.

    Beyond :func:`rampdeck.text.clean`, characters that join with their
    neighbour (variation selectors, skin tones, flags) are taken out: terminals
    disagree about how many cells the pair takes.
    """
    text = clean(text, most)
    if text.isascii():
        return text
    return _FLAGS.sub("\N{REPLACEMENT CHARACTER}", _UNSTEADY.sub("", text))


def width_of(text: str) -> int:
    """Return the cells that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """Return text in exactly ``width`` cells, left-aligned; what is cut off ends in an ellipsis."""
    if width <= 0:
        return ""
    length = width_of(text)
    if length <= width:
        return text + " " * (width - length)
    return cut(text, width)


def fit_right(text: str, width: int) -> str:
    """Return text in exactly ``width`` cells, right-aligned."""
    length = width_of(text)
    if length <= width:
        return " " * (width - length) + text
    return cut(text, width)


def cut(text: str, width: int) -> str:
    """Return text in at most ``width`` cells; a text that was cut fills them and ends in an ellipsis."""
    if width_of(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    shorter = text[: width - 1] if text.isascii() else set_cell_size(text, width - 1)
    return shorter + "…"


def line_width(line: Iterable[Span]) -> int:
    """Return the cells that a line takes."""
    return sum(width_of(text) for text, _ in line)


def crop(line: Iterable[Span], width: int) -> Line:
    """Return as much of a line as fits into ``width`` cells."""
    spans: list[Span] = []
    left = width
    for text, tone in line:
        length = width_of(text)
        if length > left:
            if left > 0:
                spans.append((cut(text, left), tone))
            break
        spans.append((text, tone))
        left -= length
    return tuple(spans)


def joined(spans: Iterable[Span]) -> Line:
    """Return a line with neighbours of one tone as one span: fewer spans are cheaper to paint."""
    line: list[Span] = []
    for text, tone in spans:
        if line and line[-1][1] is tone:
            line[-1] = (line[-1][0] + text, tone)
        else:
            line.append((text, tone))
    return tuple(line)


def spread(left: Line, right: Line, width: int) -> Line:
    """Return one line of ``width`` cells with ``left`` at its start and ``right`` at its end.

    Where both do not fit, the left one is cut: the right one holds the state.
    """
    right = crop(right, width)
    room = width - line_width(right)
    left = crop(left, max(room - 1, 0) if right else room)
    gap = room - line_width(left)
    return (*left, (" " * gap, Tone.TEXT), *right) if gap > 0 else (*left, *right)


def dimmed(line: Line) -> Line:
    """Return a line in the faint tone: it shows old data."""
    return ((("".join(text for text, _ in line)), Tone.MUTED),) if line else line


def wrap(text: str, width: int, most: int) -> list[str]:
    """Return text broken at spaces into at most ``most`` lines of at most ``width`` cells."""
    if width <= 0:
        return []
    lines: list[str] = []
    current = ""
    for word in text.split():
        candidate = f"{current} {word}" if current else word
        if width_of(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        current = cut(word, width)
    if current:
        lines.append(current)
    if len(lines) > most:
        lines = [*lines[: most - 1], cut(f"{lines[most - 1]} …", width)] if most > 0 else []
    return lines


def fold(text: str, width: int) -> list[str]:
    """Return the whole text broken at spaces; a word that no line has room for is broken too.

    For what somebody reads to the end or types: a command, a path.
    """
    lines: list[str] = []
    current = ""
    for word in text.split():
        candidate = f"{current} {word}" if current else word
        if width_of(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        while width_of(word) > width > 1:
            piece = set_cell_size(word, width).rstrip(" ")
            lines.append(piece)
            word = word[len(piece) :]
        current = word
    return [*lines, current] if current else lines
