"""Facts: what the stack was made of, as it said so itself, at the start of a session and at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rampdeck.secrets import redact
from rampdeck.text import clean

MOST = 2_000
"""Characters of a value or of a reason that are kept."""
ASKED = 300
"""Characters of a command that are kept as provenance: enough to know which one it was."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was asked for once.

    ``name`` is stable and begins with the source's kind (``gunicorn.version``),
    ``title`` is for people. ``value`` is cleaned text without secrets, empty where
    it could not be had: then ``why`` says why. ``provenance`` is what was asked:
    the command, the statement, or the log line. ``moves``: it may be another one
    at the end without the run being of another system (a database's size, pids).
    """

    name: str
    title: str
    value: str
    provenance: str
    why: str = ""
    moves: bool = False

    @property
    def kind(self) -> str:
        """The kind of source that it is of."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class FactPair:
    """A fact of a source at the start and at the end; ``None``: it was not asked for then."""

    source: str
    start: Fact | None
    end: Fact | None

    @property
    def fact(self) -> Fact:
        """Return the one that says more: the later one that has a value."""
        known = [fact for fact in (self.end, self.start) if fact is not None]
        return next((fact for fact in known if fact.value), known[0])

    @property
    def changed(self) -> bool:
        """Return whether both are known and differ."""
        pair = (self.start, self.end)
        return all(fact is not None and fact.value for fact in pair) and (
            self.start is not None and self.end is not None and self.start.value != self.end.value
        )


def known(name: str, title: str, value: object, provenance: str, *, moves: bool = False) -> Fact:
    """Return a fact with its value made fit to be shown and stored."""
    return Fact(name, title, fit(str(value)), _asked(provenance), moves=moves)


def unknown(name: str, title: str, why: str, provenance: str = "") -> Fact:
    """Return a fact that could not be had."""
    return Fact(name, title, "", _asked(provenance), fit(why or "it was not told"))


def told(
    name: str, title: str, value: object, provenance: str, why: str = "", *, moves: bool = False
) -> Fact:
    """Return a fact if there is a value, or else why there is none."""
    if value in ("", None):
        return unknown(name, title, why, provenance)
    return known(name, title, value, provenance, moves=moves)


def _asked(provenance: str) -> str:
    # First without secrets: of a password that is cut in half, no rule would know the half.
    return clean(redact(provenance), ASKED)


def fit(text: str) -> str:
    """Return text cleaned, without secrets, and short; what is cut off is told by its hash."""
    text = redact(clean(text, max(len(text), 1))).strip()
    if len(text) <= MOST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    tail = f"… ({len(text)} characters, sha256 {digest})"
    return text[: MOST - len(tail)] + tail


def listed(entries: Iterable[str]) -> str:
    """Return a list as one value: whole, or where it is too long its count and hash before its beginning."""
    entries = list(entries)
    text = ", ".join(entries)
    if len(text) <= MOST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{len(entries)}, sha256 {digest}: {text}"


# -- in a session file


def to_meta(pairs: Iterable[FactPair]) -> list[dict[str, Any]]:
    """Return pairs as JSON: what :meth:`SessionWriter.set_meta` stores under ``facts``."""
    return [{"source": pair.source, "start": _plain(pair.start), "end": _plain(pair.end)} for pair in pairs]


def from_meta(stored: object) -> tuple[FactPair, ...]:
    """Return the pairs that a session file has; what is no pair, or of a later version, is left out."""
    found = []
    for entry in stored if isinstance(stored, Sequence) and not isinstance(stored, str) else ():
        if isinstance(entry, Mapping):
            start, end = _fact(entry.get("start")), _fact(entry.get("end"))
            if start or end:
                found.append(FactPair(clean(str(entry.get("source", ""))), start, end))
    return tuple(found)


def _plain(fact: Fact | None) -> dict[str, Any] | None:
    if fact is None:
        return None
    # The value is under a key that no rule takes for a secret's name.
    plain: dict[str, Any] = {"name": fact.name, "title": fact.title, "value": fact.value}
    plain |= {"provenance": fact.provenance, "why": fact.why, "moves": fact.moves}
    return plain


def _fact(stored: object) -> Fact | None:
    if not isinstance(stored, Mapping) or not stored.get("name"):
        return None
    name, title, value, provenance, why = (
        clean(str(stored.get(key, ""))) for key in ("name", "title", "value", "provenance", "why")
    )
    return Fact(name, title, value, provenance, why, moves=stored.get("moves") is True)
