"""What lines have in common: a line's template is the line with everything that changes taken out.

``Worker (pid:4242) exited with code 1.`` and the same of another worker are
one thing that happened twice. Numbers (times and addresses are made of them),
hexadecimal words, UUIDs, tokens and quoted strings become :data:`GAP`, also in
paths: ``/orders/17/`` and ``/orders/18/`` are alike, ``/login/`` is not.
"""

from __future__ import annotations

import re

GAP = "…"
"""Stands for what changes."""
LONGEST = 300
"""Characters of a line that its template is made of."""
CACHED = 8_192
"""Shapes that are remembered; beyond them all are forgotten and learned anew."""

# In a shape every digit is 0. Lines that differ in digits only have the same one, and need no regex.
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_CHANGING = re.compile(
    r""""[^"\n]*"
      | (?<![\w'])'[^'\n]*'(?!\w)                       # quoted, no apostrophe
      | (?<![\w-])[^\W0]*+(?:-[^\W0]*+)*+0[\w-]*        # a word with a digit in it,
        (?:[.,:]+0[\w-]*)*                              # and those that go on with it: a time, an address
    """,
    re.VERBOSE,
)
_WHOLE = re.compile(r"[-+]?0[0.,:T-]*[A-Za-z]{0,2}|0x[0-9a-fA-F]+|[0-9a-fA-F.:-]{6,}|[\w-]{20,}")
_NUMBER = re.compile("0+")
_shapes: dict[bytes, str] = {}


def template(text: str) -> str:
    """Return the template of a text; of several lines (a traceback), that of the first and the last one."""
    if "\n" in text:
        first, _, rest = text.partition("\n")
        text = f"{first[:LONGEST]}\n{rest[rest.rfind(chr(10)) + 1 :][:LONGEST]}"
    elif len(text) > LONGEST:
        text = text[:LONGEST]
    shape = text.encode("utf-8", "replace").translate(_ZEROS)
    found = _shapes.get(shape)
    if found is None:
        if len(_shapes) >= CACHED:
            _shapes.clear()
        found = _shapes[shape] = _CHANGING.sub(_gap, shape.decode())
    return found


def _gap(changing: re.Match[str]) -> str:
    """Return what is left of a word: nothing of a number or a token, ``item…`` of ``item7``."""
    word = changing[0]
    if word[0] in "\"'" or _WHOLE.fullmatch(word):
        return GAP
    return _NUMBER.sub(GAP, word)
