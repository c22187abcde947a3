"""What the facts of all kinds share: a script whose answer has sections, and a list of processes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rampdeck.remote import Shell

from ._lines import text_of
from ._logfile import last_line

HIDDEN = "the processes of others are not to be seen here (/proc is mounted with hidepid)"
"""Why it cannot be said that a server does not run."""
_SCRIPTS = Path(__file__).parent / "sh"
_SECTION = re.compile(r"== ([a-z]+)")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*")
_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
"""Options of Python that take the next word."""


def script(*names: str, **words: str) -> str:
    """Return scripts of ``sh/`` as one, with values for its variables before it."""
    assigned = "".join(f"{key}={value}\n" for key, value in words.items())
    return assigned + "".join((_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8") for name in names)


def quoted(words: Iterable[str]) -> str:
    """Return words as one value of a variable that is split again by ``eval``."""
    return shlex.quote(shlex.join(words))


async def sections(shell: Shell, command: str) -> tuple[Mapping[str, Sequence[str]], str]:
    """Run a script and return its sections as lines, and the last line of what it complained of."""
    done = await shell.run(command)
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text_of(done.stdout).split("\n"):
        # A section that is there already is somebody else's text.
        if (head := _SECTION.fullmatch(line)) and head[1] not in found:
            lines = found[head[1]] = []
        elif line:
            lines.append(line)
    return found, last_line(done.stderr)


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
        if not _PYTHON.fullmatch(first):
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
