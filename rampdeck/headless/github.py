"""What GitHub's runner reads of a step: its summary, its annotations, and commands in its output.

A runner takes every line of the output that begins with ``::``, or holds ``##[``, for a
command (docs.github.com, "Workflow commands for GitHub Actions"). What a
server or a scenario says must not command it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from rampdeck.record.result import Result
from rampdeck.snapshot import Verdict
from rampdeck.text import clean

_COMMAND = re.compile(r"^(\s*:):|##\[", re.MULTILINE)
_LEVEL = {Verdict.PASS: "notice", Verdict.FAIL: "error"}
MOST_REASONS = 10


def is_runner() -> bool:
    """Return whether a runner of GitHub's reads what this process writes."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def harmless(text: str) -> str:
    """Return text in which a runner finds no command."""
    return _COMMAND.sub(lambda found: f"{found[1]} :" if found[1] else "## [", text)


def annotation(result: Result) -> str:
    """Return the command that shows the verdict, with the first reasons, on the page of the run."""
    reasons = [clean(reason, 500) for reason in result.reasons[:MOST_REASONS]]
    title = f"Rampdeck {result.result}" + (f" - {clean(result.title, 100)}" if result.title else "")
    level = _LEVEL.get(result.result, "warning")
    text = "\n".join(reasons) or f"The verdict is {result.result}"
    return f"::{level} title={_escaped(title, ':,')}::{_escaped(text)}"


def _escaped(text: str, also: str = "") -> str:
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def append(path: Path, text: str) -> None:
    """Append a step's summary to its file; blocks. Raises :class:`OSError`."""
    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def summary_file() -> Path | None:
    """Return the file that the step's summary is appended to, if there is a runner that names one."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    return Path(name) if name else None
