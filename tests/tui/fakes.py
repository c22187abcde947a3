"""A deck made by hand: the same face as a session, with figures that the test chose.

The figures are a function of the second alone, so that a picture of the screen
is the same on every machine. A session of its own would need servers; those
tests are elsewhere (the real cockpit in a real terminal).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from rampdeck.config import LoadConfig
from rampdeck.deck import UserClass
from rampdeck.details import Details, NameFigures, RequestDetails, SpanDetails, StepDetails
from rampdeck.errors import RampdeckError
from rampdeck.guard.production import Production
from rampdeck.model import (
    Event,
    EventKind,
    RunState,
    Severity,
    Value,
)
from rampdeck.preflight.check import State
from rampdeck.preflight.inspection import PreflightView
from rampdeck.remote.asking import Questions
from rampdeck.snapshot import Figures, Snapshot, Spread, Spreads, Verdict
from rampdeck.view import Action, View

from .made import START, event, kind_of, picture
from .preflights import looking_again
from .views import METRICS, VIEWS

CLASSES = (
    UserClass("Visitor", 3, 0, True),
    UserClass("Buyer", 1, 0, True),
    UserClass("Auditor", 1, 2, False),
    UserClass("Retired", 0, 0, False),
)


class FakeDetails(Details):
    """Percentiles that fit the figures of the snapshot."""

    def __init__(self, deck: FakeDeck) -> None:
        self._deck = deck

    def step(self, number: int) -> StepDetails | None:
        row = next((row for row in self._deck.now.steps if row.step.number == number), None)
        if row is None or not row.figures.seconds:
            return StepDetails(row.step, None) if row else None
        names = tuple(NameFigures(one.method, one.name, one.whole) for one in self._deck.now.requests)
        return StepDetails(row.step, spread(row.figures, "measured"), names, 0)

    def request(self, method: str, name: str) -> RequestDetails:
        row = next(row for row in self._deck.now.requests if (row.method, row.name) == (method, name))
        return RequestDetails(method, name, (spread(row.window, "last 10 s"), spread(row.whole, "whole run")))


class FakeDeck:
    """A deck whose snapshot is set by the test and whose controls are written down in ``calls``.

    Controls change users and target as an engine would, so that what a key did
    can be seen on the screen.
    """

    def __init__(
        self,
        snapshot: Snapshot | None = None,
        events: Collection[Event] = (),
        views: Mapping[str, View] = VIEWS,
        limits: LoadConfig | None = None,
    ) -> None:
        self.now = snapshot or picture()
        self.events = list(events)
        self.views = views
        self.metrics = METRICS
        self.limits = limits or LoadConfig(step=10, max_users=1_000)
        self.user_classes = CLASSES
        self.details = FakeDetails(self)
        self.answer: str | RampdeckError = "Seq Scan on orders"
        self.questions = Questions()
        self.left_out: tuple[str, ...] = ()
        self.found: PreflightView | None = None
        self.gone_on = False
        self.unconfirmed: Production | None = None
        self.calls: list[tuple[object, ...]] = []
        self.record: Path | RampdeckError = Path("rampdeck-sessions/2026-11-22T1221Z/record.md")

    def snapshot(self) -> Snapshot:
        return self.now

    def events_after(
        self, cursor: int, kinds: Collection[str], most: int = 500
    ) -> tuple[int, tuple[Event, ...]]:
        found = [event for event in self.events[cursor:] if kind_of(event) in kinds]
        return len(self.events), tuple(found[-most:])

    def confirm_production(self, typed: str, name: str) -> bool:
        self.calls.append(("confirm_production", typed, name))
        if self.unconfirmed is not None and self.unconfirmed.is_confirmed_by(typed):
            self.unconfirmed = None
        return self.unconfirmed is None

    def change_target(self, by: int) -> None:
        self.calls.append(("change_target", by))
        self._load(target=max(self.now.load.target + by, 0), following=False)

    def set_target(self, users: int) -> None:
        self.calls.append(("set_target", users))
        self._load(target=users, following=False)

    def toggle_hold(self) -> None:
        self.calls.append(("toggle_hold",))
        self._load(held=not self.now.load.held)

    def return_to_plan(self) -> None:
        self.calls.append(("return_to_plan",))
        self._load(following=True)

    def auto_step(self) -> None:
        self.calls.append(("auto_step",))
        self._load(following=True, auto=True)

    def stop(self) -> None:
        self.calls.append(("stop",))
        self._load(state=RunState.STOPPING, target=0)

    def abort(self) -> None:
        self.calls.append(("abort",))
        self._load(state=RunState.STOPPED, target=0, users=0)

    def choose_classes(self, names: Collection[str]) -> None:
        self.calls.append(("choose_classes", tuple(names)))

    def log_in(self, host: str) -> None:
        self.calls.append(("log_in", host))

    @property
    def preflight(self) -> PreflightView | None:
        return self.found

    @property
    def held_back(self) -> str:
        view = self.preflight
        if view is None or (not view.count(State.FAILED) and not view.count(State.PENDING)):
            return ""
        return "" if self.gone_on else "the preflight speaks against it"

    def check_again(self, names: Collection[str] | None = None) -> None:
        self.calls.append(("check_again", None if names is None else set(names)))
        if self.found is not None:
            self.found = looking_again(self.found, names)

    def go_on_anyway(self) -> None:
        self.calls.append(("go_on_anyway",))
        self.gone_on = True

    def mark(self, text: str) -> None:
        self.calls.append(("mark", text))
        self.now = replace(self.now, mark=event(self.now.at, "operator", text, kind=EventKind.MARK))

    def decide(self, verdict: Verdict, name: str, note: str) -> None:
        self.calls.append(("decide", verdict, name, note))
        fields = {
            "verdict": verdict.value,
            "computed": self.now.verdict.value,
            "name": name,
            "note": note,
        }
        made = event(self.now.at, "operator", f"{name} decided", kind=EventKind.DECISION, fields=fields)
        self.now = replace(self.now, decision=made)

    async def act(self, source: str, action: Action, row: Mapping[str, Value]) -> str:
        self.calls.append(("act", source, action.name, dict(row)))
        if isinstance(self.answer, RampdeckError):
            raise self.answer
        return self.answer

    async def save_record(self) -> Path:
        self.calls.append(("save_record",))
        if isinstance(self.record, RampdeckError):
            raise self.record
        return self.record

    def _load(self, **changes: object) -> None:
        self.now = replace(self.now, load=replace(self.now.load, **changes))  # type: ignore[arg-type]


def spread(figures: Figures, title: str) -> SpanDetails:
    """Return percentiles of every clock that fit the figures."""

    def times(count: int, more: float = 0.0) -> Spread:
        if not count or figures.p50 is None or figures.p95 is None or figures.highest is None:
            return Spread()
        p50, p95, most = figures.p50, figures.p95, figures.highest
        steps = (p50 * 1.1, p50, p95 * 0.8, p95, p95 * 1.6, p95 * 2.2, p95 * 3, most)
        return Spread(count, *(step + more for step in steps))

    delay = Spread(figures.stamped, 1.2, 0.9, 2.0, 3.1, 4.8, 9.9, 14.0, 18.5)
    spreads = Spreads(
        all=times(figures.requests),
        ok=times(figures.requests - figures.failures),
        failed=times(figures.failures),
        locust=times(figures.requests, 2.0),
        delay=delay if figures.stamped else Spread(),
    )
    return SpanDetails(title, figures, spreads)


TRACEBACK = "\n".join(
    [
        "OperationalError: canceling statement due to lock timeout",
        *(f'  File "/srv/shop/views.py", line {40 + n}, in checkout' for n in range(13)),
        "CONTEXT:  while updating tuple (12,4) in relation store_stock",
    ]
)
_LINES = (
    ("gunicorn@app-2", Severity.INFO, "Booting worker with pid: 2198"),
    ("nginx@web-1", Severity.WARNING, "upstream response is buffered to a temporary file  GET /dashboard/"),
    ("gunicorn@app-1", Severity.CRITICAL, "WORKER TIMEOUT (pid:2211)"),
    ("gunicorn@app-1", Severity.CRITICAL, "WORKER TIMEOUT (pid:2211)"),
    ("gunicorn@app-1", Severity.CRITICAL, "WORKER TIMEOUT (pid:2211)"),
    ("gunicorn@app-1", Severity.INFO, "Worker exiting (pid: 2211)"),
    ("nginx@web-1", Severity.ERROR, "upstream timed out (110) reading response header  POST /checkout/"),
    ("scenario@local", Severity.INFO, "logged in as user17"),
    ("gunicorn@app-1", Severity.INFO, "Booting worker with pid: 2306"),
    ("gunicorn@app-2", Severity.ERROR, TRACEBACK),
    ("nginx@web-1", Severity.ERROR, "upstream prematurely closed connection  POST /checkout/"),
    ("gunicorn@app-1", Severity.WARNING, "slow request 4 012 ms POST /checkout/"),
    ("engine", Severity.NOTICE, "step 5: 300 users at 5/s, by the plan"),
    ("operator", Severity.NOTICE, "mark: deploy 8f3c1d2"),
    ("nginx@web-1", Severity.ERROR, "upstream timed out (110) reading response header  POST /checkout/"),
)


def log(until: int = 754) -> list[Event]:
    """Return log lines of all kinds, the newest at this second."""
    return [
        event(START.plus(until - (len(_LINES) - place) * 2), name, text, severity)
        for place, (name, severity, text) in enumerate(_LINES)
    ]
