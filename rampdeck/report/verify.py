"""Whether a record and its session are what the run left: ``rampdeck report --verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rampdeck.errors import RecordError
from rampdeck.record.seal import KEY, SESSION, digest
from rampdeck.record.write import HTML, JSON, JUNIT, MARKDOWN
from rampdeck.store.seal import sealed

FILE = "session.sqlite"
_LATER = "what was written while the run went on has none; the record of its end has"


def verify(path: Path) -> tuple[bool, tuple[str, ...]]:
    """Return whether all is as it was, and a line for each of both: the record, the session beside it.

    A further line names what beside them has no sum of its own.

    ``path`` is the folder, or its ``record.json`` or session file. Raises
    :class:`RecordError` when there is no record that could be checked.
    """
    record = _record_of(path)
    document = _read(record)
    found = [_of_record(record, document), _of_session(record, document)]
    lines = [line for _, line in found]
    if others := [name for name in (MARKDOWN, HTML, JUNIT) if record.with_name(name).exists()]:
        lines.append(f"{', '.join(others)}: not checked; rampdeck report prints them again from the session")
    return all(good for good, _ in found), tuple(lines)


def _record_of(path: Path) -> Path:
    if path.is_dir():
        return path / JSON
    return path if path.suffix == ".json" else path.with_name(JSON)


def _read(record: Path) -> dict[str, Any]:
    what = f"cannot check {record}"
    try:
        document = json.loads(record.read_bytes(), object_pairs_hook=_once, parse_constant=_no_number)
    except FileNotFoundError as error:
        why = "there is none beside the session, as of a run that was killed or still goes on"
        if not record.with_name(FILE).exists():
            raise RecordError(what, "no such file", "Name a session's folder, or its record.json") from error
        raise RecordError(what, why, "rampdeck report says what there is; it has no seal") from error
    except OSError as error:
        fix = "Name a session's folder, or its record.json"
        raise RecordError(what, (error.strerror or str(error)).lower(), fix) from error
    except (ValueError, RecursionError) as error:
        raise RecordError(what, f"changed: it is no JSON any more ({error})") from error
    if not isinstance(document, dict):
        raise RecordError(what, "it is no record")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands there twice: people read the first one, programs the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _of_record(record: Path, document: dict[str, Any]) -> tuple[bool, str]:
    said = document.get(KEY)
    if not isinstance(said, str):
        return False, f"{record.name}: not sealed, there is no {KEY} in it"
    if (found := digest(document)) != said:
        return False, f"{record.name}: CHANGED, its sha256 is {found}, not {said}"
    return True, f"{record.name}: intact, sha256 {said}"


def _of_session(record: Path, document: dict[str, Any]) -> tuple[bool, str]:
    said = document.get(SESSION)
    name = Path(str(document.get("session") or FILE)).name
    if not isinstance(said, str) or not said:
        return False, f"{name}: not sealed, the record has no sha256 of it; {_LATER}"
    file = record.with_name(name)
    if not file.exists():
        return False, f"{name}: MISSING, it is not beside the record"
    if file.with_name(f"{name}-journal").exists():
        return False, f"{name}: CHANGED, a journal of SQLite's stands beside it, and would alter what is read"
    found, why = sealed(file)
    if not found:
        return False, f"{name}: cannot be checked: {why}"
    if found != said:
        return False, f"{name}: CHANGED, its sha256 is {found}, not {said}"
    return True, f"{name}: intact, sha256 {said}"
