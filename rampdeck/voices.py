"""What the scenario prints and logs while a run lasts: off the terminal, into the session."""

from __future__ import annotations

from collections.abc import Mapping

from rampdeck.model import Event, EventKind, Instant, Severity
from rampdeck.output import LogTap, OutputCapture
from rampdeck.session import Session
from rampdeck.text import clean


class Voices:
    """Takes what was printed and logged since the last look into the session.

    What is as severe as ``echo``, or more so, is also told on.
    """

    def __init__(
        self, session: Session, output: OutputCapture, log: LogTap, *, echo: Severity | None
    ) -> None:
        self._session = session
        self._output = output
        self._log = log
        self._echo = echo

    def drain(self, last: bool = False) -> None:
        """Take what has come; with ``last`` an unfinished line too."""
        for text, severity in self._log.take():
            self.say(text, severity)
        for line, is_error in self._output.lines(last):
            self.say(line, Severity.WARNING if is_error else Severity.INFO)

    def say(self, text: str, severity: Severity, fields: Mapping[str, str] | None = None) -> None:
        """Append a line of the scenario, or about it."""
        event = Event(Instant.now(), "scenario", EventKind.LOG, severity, text, fields=fields or {})
        self._session.append(event)
        if self._echo is not None and severity <= self._echo:
            self._output.tell(clean(text))

    def tell_what_broke(self) -> None:
        """Take what the cockpit wrote as it broke, and tell it on the terminal that is free again."""
        for line, _ in self._output.lines():
            self.say(line, Severity.ERROR)
            self._output.tell(line)
