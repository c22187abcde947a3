"""What the facts of all kinds share: a script whose answer has sections."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rampdeck.processes import WALK
from rampdeck.remote import Shell

from ._lines import text_of
from ._logfile import last_line

HIDDEN = "the processes of others are not to be seen here (/proc is mounted with hidepid)"
"""Why it cannot be said that a server does not run."""
_SCRIPTS = Path(__file__).parent / "sh"
_SECTION = re.compile(r"== ([a-z]+)")


def script(*names: str, **words: str) -> str:
    """Return scripts of ``sh/`` as one, with values for its variables before it."""
    assigned = "".join(f"{key}={value}\n" for key, value in words.items())
    walk = WALK if "facts_processes" in names else ""
    return assigned + walk + "".join((_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8") for name in names)


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
