"""What is asked for now and then: a load level or a request name with every percentile.

Made from the session's items when somebody opens a row, never each second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rampdeck.model import Step
from rampdeck.requests import Span, Tally
from rampdeck.snapshot import Figures, Spreads

if TYPE_CHECKING:
    from rampdeck.session import Session

MOST_NAMES = 100
"""Request names of a level that are told one by one: those that fail most, then the most frequent."""


@dataclass(frozen=True, slots=True)
class SpanDetails:
    """Some requests by every clock: of a name in a level, of a level, of the run."""

    title: str
    figures: Figures
    spreads: Spreads


@dataclass(frozen=True, slots=True)
class NameFigures:
    """The figures of one request name within a level."""

    method: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class StepDetails:
    """A load level over its measured part; ``measured`` is ``None`` where there was none.

    ``left_out`` counts the request names beyond :data:`MOST_NAMES`, and those
    that are no longer at hand.
    """

    step: Step
    measured: SpanDetails | None
    requests: tuple[NameFigures, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """A request name in the last seconds, in the level that is measured, and in the whole run."""

    method: str
    name: str
    spans: tuple[SpanDetails, ...]


class Details:
    """Looks behind the rows of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def step(self, number: int) -> StepDetails | None:
        """Return the details of a load level, ``None`` if there is none of this number."""
        step = self._session.steps.get(number)
        if step is None:
            return None
        span = self._session.book.steps.get(number)
        if span is None:
            return StepDetails(step, None)
        ranked = sorted(
            span.names.items(), key=lambda item: (-item[1].failures.count, -item[1].successes.count)
        )
        names = [
            NameFigures(method, name, tally.figures(span.seconds))
            for (method, name), tally in ranked[:MOST_NAMES]
        ]
        names.sort(key=lambda one: (-one.figures.failures, -(one.figures.p95 or 0.0), one.name))
        measured = _details("measured", span.total, span.seconds)
        return StepDetails(step, measured, tuple(names), len(ranked) - len(names) + span.forgotten)

    def request(self, method: str, name: str) -> RequestDetails:
        """Return the details of a request name, for the spans in which there were such requests."""
        book, step = self._session.book, self._session.step
        spans: list[tuple[str, Span]] = [(f"last {book.window.seconds:.0f} s", book.window)]
        if step is not None and step.number in book.steps:
            spans.append((f"step {step.number}, {step.users} users", book.steps[step.number]))
        spans.append(("whole run", book.whole))
        found = ((title, span.names.get((method, name)), span.seconds) for title, span in spans)
        return RequestDetails(
            method,
            name,
            tuple(_details(title, tally, seconds) for title, tally, seconds in found if tally is not None),
        )


def _details(title: str, tally: Tally, seconds: float) -> SpanDetails:
    return SpanDetails(title, tally.figures(seconds), tally.spreads())
