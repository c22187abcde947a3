"""The generator watches itself: what it adds to requests, where its users are, what holds its loop up.

The figures go into the samples of the ``generator`` source; what held the loop
up is told as an event, once for each place and again when that has doubled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.residence import Residence
from rampdeck.engine.stall import Origin, Place, Sentry
from rampdeck.model import EventKind, Severity
from rampdeck.requests import RequestBook
from rampdeck.session import BLOCKED, Session
from rampdeck.setup import Setup
from rampdeck.voices import Voices

MOST_PLACES = 100
"""Functions that are told apart; further ones are not told any more."""
ENOUGH = 10
"""Requests in the window below which their p95 says nothing."""
FIX = "Compute it before the load or in gevent's threadpool, and wait with what yields to gevent"


@runtime_checkable
class Fed(Protocol):
    """A collector that takes figures which only the run itself has."""

    feed: Callable[[], Mapping[str, float]]


@dataclass
class _Ledger:
    """What a function has cost so far, here or in a worker, by line, and how often when it was last told."""

    worker: str = ""
    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    told: int = 0
    lines: Counter[Place] = field(default_factory=Counter)

    @property
    def place(self) -> Place:
        """The line where it was most often."""
        return self.lines.most_common(1)[0][0]


class SelfWatch:
    """Watches the generator of a run while there is load."""

    def __init__(self, setup: Setup, session: Session, voices: Voices) -> None:
        self._session = session
        self._voices = voices
        self._engine: LoadEngine = setup.engine
        environment = setup.engine.environment
        files = environment.parsed_locustfiles or ()
        self._residence = Residence(environment)
        self._sentry = Sentry([Path(file).parent for file in files], lambda: self.alarmed())
        self.alarmed: Callable[[], None] = lambda: None
        """What the sentry's alarm calls while the loop stands."""
        self._ledgers: dict[tuple[str, ...], _Ledger] = {}
        self._told_aside = False
        self._held = 0
        for source in setup.sources:
            if isinstance(source.collector, Fed):
                source.collector.feed = self.figures

    def open(self) -> None:
        """Begin to count; before the first user."""
        self._residence.open()

    def begin(self) -> None:
        """Watch the loop from here on: the first user may be the one who holds it up."""
        self._sentry.start()

    def close(self) -> None:
        """Tell what has not been told yet, and leave the process as it was."""
        self._sentry.stop()
        self._take()
        for ledger in self._ledgers.values():
            if ledger.count > ledger.told:
                self._tell(ledger)
        self._residence.close()

    def figures(self) -> dict[str, float]:
        """Return what the run knows of the generator, by metric name; once a second."""
        found = delays(self._session.book)
        found["stamped"] = float(stamped(self._session.book, running=not self._engine.unstamped))
        if (held := self._engine.held) is not None:
            before, self._held = self._held, held
            found["held_back"] = float(held - before)
        explained = self._residence.take()
        if explained is not None:
            found["littles_law"] = explained
        return found

    def tick(self) -> None:
        """Tell what held the loop up; once a second, from the loop's own greenlet."""
        if self._engine.users or self._engine.running:
            self._sentry.start()
        else:
            self._sentry.stop()
        self._take()
        due = [ledger for ledger in self._ledgers.values() if ledger.count >= max(1, 2 * ledger.told)]
        if due:
            self._tell(max(due, key=lambda ledger: ledger.total))
        if self._sentry.aside and not self._told_aside:
            self._told_aside = True
            self._voices.say(self._sentry.aside, Severity.NOTICE)

    def _take(self) -> None:
        here = [("", stall) for stall in self._sentry.take()]
        for worker, stall in (*here, *self._engine.take_stalls()):
            place = stall.place
            key = (worker, place.origin.value, place.file, place.function)
            if key not in self._ledgers and len(self._ledgers) >= MOST_PLACES:
                continue
            ledger = self._ledgers.setdefault(key, _Ledger(worker))
            ledger.count += 1
            ledger.total += stall.seconds
            ledger.longest = max(ledger.longest, stall.seconds)
            ledger.lines[place] += 1

    def _tell(self, ledger: _Ledger) -> None:
        ledger.told = ledger.count
        place = ledger.place
        how_long = f"{ledger.longest * 1000:.0f} ms"
        if ledger.count > 1:
            how_long = f"{ledger.count} times, up to {how_long}"
        spot = where(place)
        text = f"the loop stood {how_long} {spot}; {self._session.who_waited}"
        if ledger.worker:
            text = f"worker {ledger.worker}: the loop stood {how_long} {spot}; every user there waited"
            spot = f"{spot} (worker {ledger.worker})"
        fields = {
            "signal": BLOCKED,
            "key": " ".join(filter(None, (ledger.worker, place.file or place.origin.value, place.function))),
            "worker": ledger.worker,
            "place": spot,
            "origin": place.origin.value,
            "count": str(ledger.count),
            "total": f"{ledger.total:.3f}",
            "longest": f"{ledger.longest:.3f}",
        }
        if place.origin is Origin.SCENARIO:
            self._voices.say(f"{text}. {FIX}", Severity.WARNING, fields)
        else:
            self._session.say(EventKind.LOAD, text, fields)


def delays(book: RequestBook) -> dict[str, float]:
    """Return what the generator added to the requests of the last seconds, if most of them are stamped."""
    window = book.window.figures()
    if window.delay_p95 is None or not window.p95 or window.requests < ENOUGH:
        return {}
    if window.stamped < window.requests / 2:
        return {}
    return {"delay_p95_ms": window.delay_p95, "delay_percent": 100 * window.delay_p95 / window.p95}


def stamped(book: RequestBook, *, running: bool) -> bool:
    """Tell whether the response times of the last seconds are wire times.

    What was never answered has no stamp, which says nothing of the clock.
    Where hardly anything was answered, it depends on whether the clock is ``running``.
    """
    window = book.window.total
    answered = window.successes.count
    return running if answered < ENOUGH else window.delay.count >= answered / 2


def where(place: Place) -> str:
    """Name a place: ``at checkout.py, line 31, in pay: hashlib.scrypt``."""
    if place.origin is Origin.GARBAGE:
        return "while Python collected garbage"
    if place.origin is Origin.MACHINE:
        return "because this machine did not let the process run"
    path = Path(place.file)
    name = path.name if place.origin is Origin.SCENARIO else "/".join(path.parts[-2:])
    whose = "Rampdeck's own " if place.origin is Origin.RAMPDECK else ""
    called = f": {place.called}" if place.called else ""
    return f"at {whose}{name}, line {place.line}, in {place.function}{called}"
