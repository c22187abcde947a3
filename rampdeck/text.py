"""Cleaning text that servers wrote, before it reaches a person.

A log line may hold terminal escape sequences, markup, NUL, a megabyte without
a break or characters that turn the writing direction. It is stored as it came
and cleaned here, where it is shown or written into a record.
"""

from __future__ import annotations

import re
import unicodedata

ESCAPES = re.compile(
    r"""\x1b(?: \[[0-?]*[ -/]*[@-~]             # CSI: colours, cursor
              | [\]PX^_].*?(?:\x07|\x1b\\|\Z)   # OSC, DCS, SOS, PM, APC: titles, links
              | [ -/]*[0-~] )                   # the two-character ones
      | \x9b[0-?]*[ -/]*[@-~]""",
    re.VERBOSE | re.DOTALL,
)
"""Terminal escape sequences."""
_PLAIN = re.compile(r"[ -~]*")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, most: int = 2_000) -> str:
    """Return text as one printable line of at most ``most`` characters.

    Escape sequences vanish, tabs, line ends and blanks of any width become a space, whatever cannot
    be printed becomes ``\N{REPLACEMENT CHARACTER}``. A line that was cut ends in an ellipsis.
    """
    cut = len(text) > most
    if cut:
        # Escapes may be cut in half; a little more is read so that they go whole.
        text = text[: most + 256]
    if not _PLAIN.fullmatch(text):
        text = ESCAPES.sub("", text).replace("\r\n", " ")
        text = "".join(_printable(character) for character in text)
    if cut or len(text) > most:
        return text[: most - 1] + "…"
    return text


def cells(text: str) -> int:
    """Return how many cells of a terminal a clean text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _printable(character: str) -> str:
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return " "
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return SUBSTITUTE if category in _INVISIBLE else character
