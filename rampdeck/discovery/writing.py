"""The file: the commented template, with what was found in the place of its examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rampdeck.discovery.draft import Draft, Table

TEMPLATE = Path(__file__).parents[1] / "template.toml"
_HEAD = re.compile(r"(?:# )?\[{1,2}([A-Za-z_][^\[\]=]*)\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"(?:# )?([A-Za-z_]\w*) = ")
_KIND = re.compile(r'^(?:# )?kind = "(\w+)"', re.MULTILINE)
_ALIKE = {"uvicorn": "gunicorn", "caddy": "nginx"}
"""Who has the one needs no example of the other."""
_LATER = (("release",), ("record",))
"""Tables before which those stand that the template has no place for."""


def text(draft: Draft, whence: str) -> str:
    """Return the whole file; ``whence`` says what was looked at."""
    template = TEMPLATE.read_text(encoding="utf-8").rstrip("\n")
    head, *paragraphs = template.split("\n\n")
    left = list(draft.tables)
    parts = [f"{head}\n# {whence}"]
    for number, paragraph in enumerate(paragraphs):
        # What introduces a table stands in a paragraph of its own before it.
        about = _path(paragraph) or _path("".join(paragraphs[number + 1 : number + 2]))
        later = [table for table in left if table.path[:1] not in _LATER and not _has(paragraphs, table)]
        if about[:1] in _LATER and later:
            parts += map(_written, later)
            left = [table for table in left if table not in later]
        chunks = [
            part for chunk in _chunks(paragraph) for part in _filled(chunk, _path(chunk), draft.tables, left)
        ]
        parts.append(("\n\n" if len(_chunks(paragraph)) == 1 else "\n").join(chunks))
    parts += map(_written, left)
    return "\n\n".join(part for part in parts if part) + "\n"


def _has(paragraphs: Iterable[str], table: Table) -> bool:
    """Return whether the template has a place for a table."""
    paths = [_path(chunk) for paragraph in paragraphs for chunk in _chunks(paragraph)]
    return table.path[0] in ("hosts", "collectors") or table.path in paths


def _chunks(paragraph: str) -> list[str]:
    """Return the tables of a paragraph, each with what stands before it in the first one."""
    chunks: list[list[str]] = [[]]
    for line in paragraph.splitlines():
        if _HEAD.fullmatch(line) and any(map(_HEAD.fullmatch, chunks[-1])):
            chunks.append([])
        chunks[-1].append(line)
    return ["\n".join(lines) for lines in chunks]


def _filled(
    paragraph: str, path: tuple[str, ...], tables: Iterable[Table], left: list[Table]
) -> Iterator[str]:
    """Yield what takes the place of a paragraph: itself, where nothing of its kind was found."""
    mine = [
        table
        for table in tables
        if table.path[: len(path)] == path or table.path[:1] == path[:1] == ("hosts",)
    ]
    if not path or not mine:
        yield paragraph
    elif path == ("collectors",):
        kind = _KIND.search(paragraph)
        named = _ALIKE.get(kind[1], kind[1]) if kind else ""
        found = [one for one in mine if _ALIKE.get(_kind(one), _kind(one)) == named]
        if not found:
            yield paragraph
        for table in found:
            if table in left:
                left.remove(table)
                yield _written(table)
    elif path[0] == "hosts":
        for table in [one for one in left if one.path[0] == "hosts"]:
            left.remove(table)
            yield _written(table)
    else:
        exact = next((one for one in mine if one.path == path), None)
        if exact is None or exact not in left:
            yield paragraph
        else:
            left.remove(exact)
            yield _merged(paragraph, exact)


def _merged(paragraph: str, table: Table) -> str:
    """Return a table of the template with our entries in their places; its other lines stay as they are."""
    entries = {entry.key: entry for entry in table.entries}
    lines: list[str] = []
    skipping, at = False, 0
    for line in paragraph.splitlines():
        if skipping:
            skipping = not line.removeprefix("# ").startswith(("]", "}"))
        elif _HEAD.fullmatch(line):
            lines.append(line if table.open else line.removeprefix("# "))
            at = len(lines)
        elif (key := _KEY.match(line)) and key[1] in entries:
            lines.append(entries.pop(key[1]).line(commented=table.open))
            at = len(lines)
            skipping = line.rstrip().endswith(("[", "{"))
        else:
            lines.append(line)
    lines[at:at] = [entry.line(commented=table.open) for entry in entries.values()]
    return "\n".join(lines)


def _written(table: Table) -> str:
    return "\n".join(table.lines())


def _kind(table: Table) -> str:
    return str(next((entry.value for entry in table.entries if entry.key == "kind"), ""))


def _path(paragraph: str) -> tuple[str, ...]:
    """Return the path of the first table in a paragraph, switched on or not."""
    for line in paragraph.splitlines():
        if found := _HEAD.fullmatch(line):
            return tuple(found[1].split("."))
    return ()
