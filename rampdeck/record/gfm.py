"""Writing GitHub's Markdown so that what others wrote stays text.

Escapes take markup away, but not what GitHub makes of a finished page:
mentions, numbers of issues, addresses, emoji. Whatever could become one of
these stands in a code span, where nothing is looked for (GitHub Flavored
Markdown, sections 2.4, 4.10, 6.1, 6.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rampdeck.gate.words import NOTHING
from rampdeck.secrets import redact
from rampdeck.text import clean

MOST = 300
"""Characters of a code span, and of a line of prose unless told otherwise."""
MOST_SAID = 600
"""Characters of a sentence of ours that names what others wrote."""
_MARKUP = re.compile(r"[\\`*\[\]~|]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
_BLOCK = re.compile(r"\d{1,9}(?=[.)](?:\s|$))|(?=\#{1,6}(?:\s|$)|>|[+-](?:\s|$|-)|=+\s*$)")
"""What begins a heading, a quote, a list or a rule at the start of a line."""
_ALIVE = re.compile(
    r"\S*(?:@\w|[A-Za-z][A-Za-z\d+.-]*:/|(?i:www\.|mailto:|xmpp:)|[\#!]\d|(?<![^\W_])GH-\d|:[A-Za-z+-][\w+-]*:|\$)\S*"
)
_LEFT, _RIGHT = "([{\"'“‘", ")]}\"'”’.,;:!?"
_PIPE = re.compile(r"(\\*)\|")


def prose(text: str, most: int = MOST) -> str:
    """Return somebody's text as one line that is no markup and no link, also at the start of a line."""
    text = redact(clean(text, most)).strip()
    written: list[str] = []
    end = 0
    for found in _ALIVE.finditer(text):
        start, stop = found.span()
        while start < stop - 1 and text[start] in _LEFT:
            start += 1
        while stop > start + 1 and text[stop - 1] in _RIGHT:
            stop -= 1
        written += [_escaped(text[end:start]), _span(text[start:stop])]
        end = stop
    written.append(_escaped(text[end:]))
    line = "".join(written)
    if begin := _BLOCK.match(line):
        line = f"{line[: begin.end()]}\\{line[begin.end() :]}"
    return line


def code(text: str) -> str:
    """Return text as a code span, whatever it holds; a dash for none."""
    text = redact(clean(text, MOST)).strip()
    return _span(text) if text else NOTHING


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table; the first ``left`` columns stand left, the others right."""
    lines = [[_cell(cell) for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    lines.insert(1, rule)
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def bullets(lines: Iterable[str]) -> str:
    """Return a list of lines that are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def section(title: str, body: str) -> str:
    """Return a body under its heading; nothing for an empty one."""
    return f"## {title}\n\n{body}" if body else ""


def details(title: str, body: str) -> str:
    """Return a body that is folded under a title of ours; nothing for an empty one."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def block(lines: Sequence[str], language: str = "") -> str:
    """Return lines as a code block, whatever they hold; nothing for none."""
    told = [redact(clean(line)) for line in lines]
    fence = "`" * max(3, *(len(run) + 1 for line in told for run in re.findall("`+", line)), 0)
    return "\n".join((fence + language, *told, fence)) if told else ""


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)


def _span(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _cell(cell: str) -> str:
    """Return a cell whose pipes do not part it.

    Backslashes before a pipe are counted differently by different readers;
    with an odd number of them all agree that it is part of the cell.
    """
    return _PIPE.sub(lambda found: found[0] if len(found[1]) % 2 else f"{found[1]}\\|", cell)
