"""The record as one document, by the name of its format."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rampdeck.config import nearest
from rampdeck.errors import UsageError
from rampdeck.record.result import Result

FORMATS = {
    "md": ("rampdeck.record.markdown", "markdown"),
    "json": ("rampdeck.record.json", "dumps"),
    "junit": ("rampdeck.record.junit", "junit"),
    "summary": ("rampdeck.record.summary", "summary"),
}
"""What makes a document of a result alone, imported when it is asked for."""
HTML = "html"
"""The one that needs the session, too."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document and the file that it goes into; ``None`` is standard output."""

    format: str
    path: Path | None


def wanted(given: str) -> Wanted:
    """Read ``FORMAT`` or ``FORMAT=FILE``, as ``--report`` takes it; ``-`` is standard output.

    Raises :class:`UsageError`.
    """
    name, _, path = given.partition("=")
    if name not in (*FORMATS, HTML):
        known = ", ".join((*FORMATS, HTML))
        why = f'there is no format "{name}"{nearest(name, (*FORMATS, HTML))}'
        raise UsageError(f"--report {given}", why, f"There are {known}")
    return Wanted(name, Path(path) if path not in ("", "-") else None)


def document(format_: str, result: Result) -> str:
    """Return a result as a document of :data:`FORMATS`."""
    module, function = FORMATS[format_]
    made: str = getattr(import_module(module), function)(result)
    return made
