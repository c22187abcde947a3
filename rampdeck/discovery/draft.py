"""A configuration in the making: its tables with where each value is from, and what could not be found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rampdeck.secrets import redact
from rampdeck.text import clean

Value = str | int | bool | Sequence[str] | Mapping[str, str | int]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_NOTED_AT, _WIDEST = 34, 100
"""The column at which remarks begin, and where lines end: a longer remark stands above its value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value. ``note`` says where it is from; one that is ``open`` waits for a person."""

    key: str
    value: Value
    note: str = ""
    open: bool = False

    def line(self, *, commented: bool = False) -> str:
        """Return it as a line of the file."""
        text = f"{quoted_key(self.key)} = {toml(self.value)}"
        if self.open or commented:
            text = f"# {text}"
        if not self.note:
            return text
        noted = f"{text:<{_NOTED_AT - 1}} # {_remark(self.note)}"
        return noted if len(noted) <= _WIDEST else f"# {_remark(self.note)}:\n{text}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file: ``path`` is its head; of an ``array`` there may be several."""

    path: tuple[str, ...]
    entries: tuple[Entry, ...]
    array: bool = False
    remarks: tuple[str, ...] = ()
    open: bool = False
    """Whether all of it waits for a person: it is written as a comment."""

    def lines(self) -> Iterator[str]:
        """Yield it as lines of the file."""
        yield from (f"# {_remark(remark)}" for remark in self.remarks)
        name = ".".join(map(quoted_key, self.path))
        head = f"[[{name}]]" if self.array else f"[{name}]"
        yield f"# {head}" if self.open else head
        yield from (entry.line(commented=self.open) for entry in self.entries)

    def data(self) -> dict[str, Any]:
        """Return what it says, without what is open."""
        return {entry.key: entry.value for entry in self.entries if not entry.open}


@dataclass(frozen=True, slots=True)
class Missing:
    """What could not be found: why, and what to do."""

    what: str
    why: str = ""
    fix: str = ""

    def __str__(self) -> str:
        why = f" ({self.why})" if self.why else ""
        return shown(f"{self.what}{why}{f': {self.fix}' if self.fix else ''}", 600)


@dataclass
class Draft:
    """The tables in their order, and all that is missing."""

    tables: list[Table] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def add(self, *tables: Table) -> None:
        """Put tables to the others."""
        self.tables += tables

    def miss(self, what: str, why: str = "", fix: str = "") -> None:
        """Note what could not be found."""
        if (one := Missing(what, why, fix)) not in self.missing:
            self.missing.append(one)

    def data(self) -> dict[str, Any]:
        """Return the whole as TOML would be read."""
        found: dict[str, Any] = {}
        for table in self.tables:
            if table.open:
                continue
            *way, last = table.path
            into = found
            for name in way:
                into = into.setdefault(name, {})
            if table.array:
                into.setdefault(last, []).append(table.data())
            else:
                into.setdefault(last, {}).update(table.data())
        return found


def shown(text: str, most: int = 300) -> str:
    """Return what a host said as it may be shown: one clean line without secrets."""
    return redact(clean(text, most))


def toml(value: Value) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{quoted_key(key)} = {toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return f"[{', '.join(map(toml, value))}]"


def quoted_key(key: str) -> str:
    """Return a key, quoted where TOML wants it."""
    return key if _BARE.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    # A JSON string without surrogates is a TOML basic string, but for DEL, which TOML wants escaped.
    plain = value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def _remark(text: str) -> str:
    return shown(text, 200)
