"""Putting a record into its files, whole or not at all; everything here blocks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rampdeck import defects
from rampdeck.errors import RecordDefect, RecordError
from rampdeck.record.json import dumps
from rampdeck.record.junit import junit
from rampdeck.record.markdown import markdown
from rampdeck.record.result import Result

MARKDOWN = "record.md"
JSON = "record.json"
HTML = "record.html"
JUNIT = "record.xml"


def write(result: Result, folder: Path, page: str | None = None) -> Path:
    """Write ``record.md`` and ``record.json`` into a folder; return the former.

    Of a run that is over, ``page`` is its HTML report and becomes ``record.html``, if there is one;
    ``record.xml`` is its JUnit XML.
    Raises :class:`RecordError`; files that were there before are then as they were. What makes
    a part and fails raises :class:`RecordDefect` once all others are written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"cannot make {folder}", error.strerror or str(error)) from error
    parts: dict[str, Callable[[Result], str]] = {JSON: dumps, MARKDOWN: markdown}
    if page:
        parts[HTML] = lambda _: page
    if page is not None:
        parts[JUNIT] = junit
    broken = []
    for name, make in parts.items():
        try:
            text = make(result)
        except Exception as error:  # noqa: BLE001 - the supervising edge: one part costs no other
            broken.append(f"{name}: {defects.told(error)}")
        else:
            replace(folder / name, text)
    if broken:
        raise RecordDefect("a part of the record cannot be made", "; ".join(broken), "Please report it.")
    return folder / MARKDOWN


def write_json(result: Result, path: Path) -> None:
    """Write the result as JSON into one file; its folder must be there."""
    replace(path, dumps(result))


def replace(path: Path, text: str) -> None:
    """Put text into a file, mode 0600, in one step; a device or pipe is simply written to."""
    data = text.encode("utf-8", "replace")
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RecordError(
            f"cannot write {path}", error.strerror or str(error), "The session file holds all of it"
        ) from error
