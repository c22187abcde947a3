"""The step table: one row a load level, made from the session's items.

A level that has ended never changes again, so its row is made once; what a
second costs does not depend on how many levels there were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from rampdeck.gate import Gate
from rampdeck.model import Step
from rampdeck.session import Session
from rampdeck.snapshot import Figures, StepRow

MOST = 200
"""Rows that are shown: the newest."""


class StepTable:
    """The rows of a session's load levels, newest last."""

    def __init__(self, session: Session, gate: Gate) -> None:
        self._session = session
        self._gate = gate
        self._done: deque[StepRow] = deque(maxlen=MOST)
        self._next = 1
        self._seen_ended = 0

    def rows(
        self, left: float | None = None, marks: Mapping[int, tuple[str, ...]] | None = None
    ) -> tuple[StepRow, ...]:
        """Return the rows as of now; to be called after the gate has observed the session.

        ``left`` is how many seconds the phase of the present level goes on,
        ``marks`` why levels are not to be trusted, by number; they may still
        come when a level has ended.
        """
        steps, known = self._session.steps, marks or {}
        # The gate closes a level when it next looks: only then its verdict is final.
        while self._next <= self._seen_ended:
            self._done.append(self._row(steps[self._next], None))
            self._next += 1
        rows = list(self._done)
        number = self._next
        while number in steps:
            step = steps[number]
            rows.append(self._row(step, left if step.ended is None else None))
            if step.ended is not None and number == self._seen_ended + 1:
                self._seen_ended = number
            number += 1
        return tuple(
            replace(row, marks=found) if (found := known.get(row.step.number, ())) else row
            for row in rows[-MOST:]
        )

    def _row(self, step: Step, left: float | None) -> StepRow:
        span = self._session.book.steps.get(step.number)
        figures = span.figures() if span else Figures()
        return StepRow(step, figures, self._gate.step_verdict(step.number), left)
