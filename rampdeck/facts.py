"""Facts: what the stack was made of, as it said so itself, at the start of a session and at its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was asked for once.

    ``name`` is stable and begins with the source's kind (``gunicorn.version``),
    ``title`` is for people. ``value`` is cleaned text without secrets, empty where
    it could not be had: then ``why`` says why. ``provenance`` is what was asked:
    the command, the statement, or the log line.
    """

    name: str
    title: str
    value: str
    provenance: str
    why: str = ""


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
