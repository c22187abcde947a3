"""A log read without a host: lines in, events out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collectors._journal import Entry
from collectors._python_signals import GUNICORN, UVICORN
from collectors._reading import Reader
from collectors._signals import SignalTable
from rampdeck.model import Severity

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Said:
    """An event as the reader told it."""

    text: str
    severity: Severity
    sent: float | None
    fields: Mapping[str, str]
    lines: int


@dataclass
class Told:
    """A reader and everything that it has told; a line takes a tenth of a second."""

    table: SignalTable = GUNICORN
    events: list[Said] = field(default_factory=list)
    now: float = 1_000.0

    def __post_init__(self) -> None:
        self.reader = Reader(self.table, self._tell, clock=lambda: self.now)

    def _tell(
        self, text: str, severity: Severity, *, sent: float | None, fields: Mapping[str, str], lines: int
    ) -> None:
        self.events.append(Said(text, severity, sent, fields, lines))

    def read(self, lines: Iterable[str | Entry]) -> Told:
        """Read lines to the last one."""
        for line in lines:
            self.reader.read(Entry(line) if isinstance(line, str) else line)
            self.now += 0.1
        self.reader.flush()
        return self

    @property
    def signals(self) -> dict[str, int]:
        """How often each signal was said."""
        known = self.table.counts()
        return {name: int(count) for name, count in self.reader.counts.items() if count and name in known}

    def of(self, signal: str) -> list[Said]:
        return [event for event in self.events if event.fields.get("signal") == signal]


def recorded(name: str) -> Told:
    """Read a recording; its first line says where it is from."""
    table = UVICORN if name.startswith("uvicorn") else GUNICORN
    return Told(table).read((DATA / f"{name}.log").read_text().splitlines()[1:])
