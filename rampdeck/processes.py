"""The processes of a host as a script lists them: which program runs, whatever it was started by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WALK = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")
"""Shell functions that go through the processes of a host, for the beginning of a script."""
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*")
_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
"""Options of Python that take the next word."""


def is_python(word: str) -> bool:
    """Return whether the first word of a command line is a Python, with or without its folder."""
    return _PYTHON.fullmatch(word) is not None


@dataclass(frozen=True)
class Process:
    """A process of a host, with its arguments as far as they are known."""

    pid: int
    parent: int
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Process | None:
        """Return the process of a line ``PID PARENT ARGUMENT<tab>ARGUMENT...``."""
        pid, _, rest = line.partition(" ")
        parent, _, rest = rest.partition(" ")
        if not (pid.isdecimal() and parent.isdecimal()):
            return None
        return cls(int(pid), int(parent), tuple(rest.rstrip("\t").split("\t")))

    @property
    def program(self) -> tuple[str, int]:
        """The program that runs, with the place of its first argument: of ``python -m gunicorn`` that."""
        first = self.arguments[0]
        if not is_python(first):
            return first, 1
        place = 1
        while place < len(self.arguments):
            word = self.arguments[place]
            if word == "-m" and place + 1 < len(self.arguments):
                return self.arguments[place + 1], place + 2
            if word == "-c":
                break
            if not word.startswith("-"):
                return word, place + 1
            place += 2 if word in _WITH_VALUE else 1
        return first, 1

    def runs(self, name: str) -> bool:
        """Return whether it is a program of that name, by its file or by the title that it gave itself."""
        program = self.program[0]
        return program.rpartition("/")[2] == name or program.startswith(f"{name}: ")


def processes(lines: Iterable[str]) -> tuple[Process, ...]:
    """Return the processes that a script listed."""
    return tuple(process for line in lines if (process := Process.of(line)))


def first_of(found: Iterable[Process], name: str) -> tuple[Process, ...]:
    """Return those of a name whose parent is none of them."""
    named = {process.pid: process for process in found if process.runs(name)}
    return tuple(process for process in named.values() if process.parent not in named)
