"""A check: what was expected, what was found, why it matters, how to mend it, what the record will lack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from rampdeck.errors import RampdeckError
from rampdeck.secrets import redact
from rampdeck.text import clean

if TYPE_CHECKING:
    from rampdeck.preflight.stack import Stack

PATIENCE = 10.0
"""Seconds that a check may take; what takes longer could not be found out."""


class State(StrEnum):
    """How a check came out; the worst one decides on the exit code."""

    OK = "ok"
    WARNING = "warning"  #: weak evidence, or something to know; nothing stands against the load
    FAILED = "failed"  #: the load would test the wrong thing, or hit something it must not
    UNKNOWN = "unknown"  #: it could not be found out
    SKIPPED = "skipped"  #: nobody asked for it, or there is nothing that it could look at
    PENDING = "pending"  #: it is being looked at


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found at one place; empty words are taken from its definition.

    ``host`` is the place as people name it: a host of the configuration, the
    target's name, a source, ``this machine``.
    """

    state: State
    found: str
    host: str = ""
    fix: str = ""
    expected: str = ""
    why: str = ""
    effect: str = ""


def ok(found: str, host: str = "", **words: str) -> Found:
    """Return that it is as expected."""
    return Found(State.OK, found, host, **words)


def warning(found: str, fix: str, host: str = "", **words: str) -> Found:
    """Return that it is worth knowing, and what to do about it."""
    return Found(State.WARNING, found, host, fix, **words)


def failed(found: str, fix: str, host: str = "", **words: str) -> Found:
    """Return that the load would be the wrong one, and how to mend it."""
    return Found(State.FAILED, found, host, fix, **words)


def unknown(found: str, fix: str, host: str = "", **words: str) -> Found:
    """Return why it could not be found out, and how it could be."""
    return Found(State.UNKNOWN, found, host, fix, **words)


def skipped(found: str, fix: str = "", host: str = "", **words: str) -> Found:
    """Return why it was not looked at, and what to write for it to be."""
    return Found(State.SKIPPED, found, host, fix, **words)


Look = Callable[["Stack"], Awaitable[Found | Iterable[Found]]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check as it came out at one place: what is shown, written and stored.

    ``name`` is stable (``django.debug``) and begins with its theme; several
    places of one check share it. ``took`` is in seconds.
    """

    name: str
    title: str
    host: str
    state: State
    expected: str = ""
    found: str = ""
    why: str = ""
    fix: str = ""
    effect: str = ""
    took: float = 0.0
    because: str = ""
    """The :attr:`label` of the one whose failure keeps this one from being known."""

    @property
    def label(self) -> str:
        """Its name and place, which tell it from all others: ``host.connects at app``."""
        return f"{self.name} at {self.host}" if self.host else self.name


@dataclass(frozen=True, slots=True)
class Definition:
    """What is looked at, by ``look``; the words are those of its results.

    ``why`` says why it matters, ``effect`` what the record will lack, or will
    say, if one goes on all the same. ``blinds``: where it fails, others come
    to know nothing either, and all they can say are its words.
    """

    name: str
    title: str
    expected: str
    why: str
    effect: str
    look: Look = field(repr=False)
    patience: float = PATIENCE
    blinds: bool = False

    def pending(self) -> Check:
        """Return it as long as nothing is known."""
        return Check(self.name, self.title, "", State.PENDING, self.expected, why=self.why)

    def came_out(self, found: Found, took: float) -> Check:
        """Return what it found as a check, fit to be shown: servers wrote part of it."""
        return Check(
            self.name,
            self.title,
            _shown(found.host),
            found.state,
            _shown(found.expected or self.expected),
            _shown(found.found),
            _shown(found.why or self.why),
            _shown(found.fix),
            _shown(found.effect or self.effect),
            took,
        )

    def refused(self, error: RampdeckError, host: str = "") -> Found:
        """Return that it could not be found out because something failed that a person can act on."""
        said = f"{error.what}: {error.why}" if error.why else error.what
        return unknown(said, error.fix, host)


def check(
    name: str,
    title: str,
    *,
    expected: str,
    why: str,
    effect: str,
    patience: float = PATIENCE,
    blinds: bool = False,
) -> Callable[[Look], Definition]:
    """Make a check of the function below; it returns one :class:`Found`, or one for each place.

    It may raise :class:`RampdeckError`: then it could not be found out.
    """

    def made(look: Look) -> Definition:
        return Definition(name, title, expected, why, effect, look, patience, blinds)

    return made


def _shown(text: str) -> str:
    """Return text without what a terminal would obey, and without secrets; it keeps its lines."""
    return redact("\n".join(clean(line) for line in text.split("\n")))


def worst(checks: Sequence[Check]) -> State:
    """Return the state that decides: failed, unknown, pending, warning, or ok."""
    states = {one.state for one in checks}
    for state in (State.FAILED, State.UNKNOWN, State.PENDING, State.WARNING):
        if state in states:
            return state
    return State.OK


def told_once(checks: Sequence[Check], blinding: Collection[str]) -> tuple[Check, ...]:
    """Return them; one that only has the words of a failure of ``blinding`` says that it waits for that.

    A host that cannot be reached would else be told thirty times, and hide
    what has failed besides.
    """
    causes = [one for one in checks if one.name in blinding and one.state is State.FAILED]
    return tuple(_behind(one, causes) for one in checks)


def _behind(check: Check, causes: Sequence[Check]) -> Check:
    if check in causes or check.state in (State.OK, State.WARNING, State.PENDING):
        return check
    for cause in causes:
        if cause.found in check.found:
            found = f"not known as long as it fails at {cause.host}: {cause.title}"
            return replace(check, state=State.UNKNOWN, found=found, fix=cause.fix, because=cause.label)
    return check


def at(found: Found, host: str) -> Found:
    """Return it with its place, where it has none."""
    return found if found.host else replace(found, host=host)
