"""The little of a terminal that it takes to read a screen off the bytes a program draws it with.

Text, cursor moves and erasing; colours and modes are passed over. Enough for
what Textual writes, and no test of a terminal.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?P<arguments>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|[\]PX^_](?:[^\x1b\x07]|\x1b(?!\\))*(?:\x07|\x1b\\)"  # OSC, DCS and the like, up to their end
    r"|[ -/]+[0-~]"  # character sets
    r"|[0-OQ-WYZ\\`-~])"
)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]+")


class Screen:
    """What stands on a terminal of this size after the bytes fed so far."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.full = False
        """Whether a program has taken the whole screen (the alternate one)."""
        self._cells = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Draw; a sequence that is cut off is finished with the next bytes."""
        text = self._rest + self._decoder.decode(data)
        at = 0
        while at < len(text):
            if plain := _PLAIN.match(text, at):
                self._write(plain.group())
                at = plain.end()
            elif text[at] != "\x1b":
                self._control(text[at])
                at += 1
            elif sequence := _SEQUENCE.match(text, at):
                if sequence["final"]:
                    self._csi(sequence["arguments"], sequence["final"])
                at = sequence.end()
            else:
                break
        self._rest = text[at:]

    @property
    def rows(self) -> list[str]:
        """The lines of the screen, without blanks at their ends."""
        return [self.row(line) for line in range(self.lines)]

    def row(self, line: int) -> str:
        """One line of the screen, counted from 0."""
        return "".join(self._cells[line]).rstrip()

    @property
    def painted(self) -> int:
        """How many cells are not blank."""
        return sum(len(row.replace(" ", "")) for row in self.rows)

    def _write(self, text: str) -> None:
        for character in text:
            if unicodedata.combining(character):
                continue
            if self._x < self.columns:
                self._cells[self._y][self._x] = character
            self._x += 1
            if unicodedata.east_asian_width(character) in "WF":
                if self._x < self.columns:
                    self._cells[self._y][self._x] = ""
                self._x += 1

    def _control(self, character: str) -> None:
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._y = min(self._y + 1, self.lines - 1)
        elif character == "\b":
            self._x = max(self._x - 1, 0)

    def _csi(self, arguments: str, final: str) -> None:
        if arguments == "?1049":
            self.full = final == "h"
            self._erase("J", 2)
        if arguments[:1] in ("?", ">", "<", "="):
            return
        numbers = [int(part) if part.isdigit() else 0 for part in arguments.split(";")]
        count = max(numbers[0], 1)
        if final in "Hf":
            self._move(max(numbers[1], 1) - 1 if len(numbers) > 1 else 0, count - 1)
        elif final in "ABCD":
            dx, dy = {"A": (0, -1), "B": (0, 1), "C": (1, 0), "D": (-1, 0)}[final]
            self._move(self._x + dx * count, self._y + dy * count)
        elif final == "G":
            self._move(count - 1, self._y)
        elif final == "d":
            self._move(self._x, count - 1)
        elif final in "JK":
            self._erase(final, numbers[0])

    def _move(self, x: int, y: int) -> None:
        self._x = min(max(x, 0), self.columns - 1)
        self._y = min(max(y, 0), self.lines - 1)

    def _erase(self, what: str, part: int) -> None:
        """Erase from the cursor (0), up to it (1), or all (2, 3): of the line (K) or the screen (J)."""
        here = self._y * self.columns + min(self._x, self.columns - 1)
        first, last = (0, self.lines * self.columns) if what == "J" else (0, 0)
        if what == "K":
            first, last = self._y * self.columns, (self._y + 1) * self.columns
        if part == 0:
            first = here
        elif part == 1:
            last = here + 1
        for cell in range(first, last):
            self._cells[cell // self.columns][cell % self.columns] = " "
