"""Taking the requests of the engine into the session, a batch at a time."""

from __future__ import annotations

from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.recorder import TOO_MANY_NAMES
from rampdeck.model import EventKind, Instant, RequestBatch, Severity
from rampdeck.session import Session


class Intake:
    """Appends what the recorder has counted since the last batch; says once when names were too many."""

    def __init__(self, engine: LoadEngine, session: Session) -> None:
        self._engine = engine
        self._session = session
        self._since = Instant.now().mono
        self._told_of_names = False

    def take(self) -> None:
        """Append a batch; also an empty one, until the window has run dry."""
        at = Instant.now()
        entries = self._engine.take()
        seconds, self._since = at.mono - self._since, at.mono
        pace = self._engine.take_pace(seconds)
        window = self._session.book.window.total
        if entries or self._engine.running or window.successes.count or window.failures.count:
            self._session.append(RequestBatch(at, seconds, self._engine.users, entries, pace))
        if killed := sum(entry.killed for entry in entries):
            self._session.say(EventKind.LOAD, f"cut off by us, in no figure: {killed} requests")
        if self._engine.overflowed and not self._told_of_names:
            self._told_of_names = True
            self._session.say(EventKind.LOAD, TOO_MANY_NAMES, severity=Severity.WARNING)
