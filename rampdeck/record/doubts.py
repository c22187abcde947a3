"""What speaks against a PASS, from all that knows of it: one answer for the screen and the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from rampdeck.facts import FactPair
from rampdeck.gate.figures import MIN_REQUESTS, MIN_SECONDS
from rampdeck.record import changes, groundwork
from rampdeck.record.outcome import Outcome
from rampdeck.requests import Span
from rampdeck.session import Session
from rampdeck.trust import Trust

_SAID_ALREADY = ("operator", "terminal", "gate", "guard")
"""Ends of a load that are reasons of their own."""


def doubts(
    session: Session,
    trust: Trust,
    outcome: Outcome,
    facts: Iterable[FactPair],
    meta: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Return, as sentences, everything that takes a PASS away; ``meta`` is that of the session."""
    return (
        *groundwork.doubts(meta, has_load=bool(session.steps)),
        *trust.doubts(),
        *outcome.doubts,
        *_unreached(session, outcome),
        *changes.doubts(facts),
        *outcome.lost,
    )


def _unreached(session: Session, outcome: Outcome) -> tuple[str, ...]:
    """Return that a plan ended without its highest load, if it did: what held below says nothing of it."""
    steps = session.steps
    if session.step is not None or outcome.ended in _SAID_ALREADY:
        return ()
    if not any(step.cause == "plan" for step in steps.values()):
        return ()
    held = [steps[number].users for number, span in session.book.steps.items() if _is_held(span)]
    if not held or max(held) >= outcome.peak:
        return ()
    return (f"the plan's peak of {outcome.peak} users was not measured, only levels up to {max(held)} users",)


def _is_held(span: Span) -> bool:
    requests = span.total.successes.count + span.total.failures.count
    return span.seconds >= MIN_SECONDS or requests >= MIN_REQUESTS
