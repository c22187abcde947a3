"""Which line held the loop up? A heartbeat of the loop, and an alarm that it keeps putting off.

All users share one thread: code that computes for long, or waits outside
gevent, stops them all. While the loop turns, a timer of it puts a SIGALRM off,
40 times a second for some microseconds. If the loop stands, the alarm goes off
again and again, each time wherever Python is at that moment; no thread looks on.

Not every late turn is a block. At full load hundreds of users are ready at
once, and a turn takes as long as their short pieces together. So the alarms
must have found the same greenlet each time. What the kernel says that the
thread waited for a processor (``schedstat``, proc(5)) is not its doing either,
and garbage collection is timed apart.

A signal handler of Python runs between two instructions: a single call into C
is noticed when it returns, and named all the same. SA_RESTART is set, so no
library's system call sees the alarm.
"""

from __future__ import annotations

import gc
import linecache
import os
import re
import signal
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import gevent
from gevent import getcurrent

import rampdeck

PERIOD = 0.025
"""Seconds between two beats."""
FIRST = 0.075
"""Seconds without a beat after which the alarm goes off first."""
AGAIN = 0.025
"""Seconds between further alarms while the loop stands."""
LIMIT = 0.1
"""Seconds that the loop must have stood to be worth telling."""
_CALL = re.compile(r"[\w.]+(?=\()")


class Origin(StrEnum):
    """Whose doing it was."""

    SCENARIO = "scenario"  #: a line of the scenario's own files
    RAMPDECK = "rampdeck"  #: our own screen, collectors or engine
    LIBRARY = "library"  #: somebody else's code that nobody of the two called
    GARBAGE = "garbage"  #: Python's garbage collection
    MACHINE = "machine"  #: the processor was with others, or the process was stopped


@dataclass(frozen=True, slots=True)
class Place:
    """Where: a line of a file, the function it is in, and what it was calling, if that is known."""

    origin: Origin
    file: str = ""
    line: int = 0
    function: str = ""
    called: str = ""


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop stood for some seconds, at a place."""

    place: Place
    seconds: float


@dataclass(frozen=True, slots=True)
class _Look:
    """What an alarm has found: the frame to name, and whose it is."""

    origin: Origin
    code: CodeType
    instruction: int
    line: int


class Sentry:
    """Watches the loop while it is :meth:`watching <start>`; :meth:`take` tells what held it up.

    ``alarmed`` is called at each alarm, wherever Python stands; it may raise there.
    """

    def __init__(self, folders: Sequence[Path], alarmed: Callable[[], None] = lambda: None) -> None:
        self._alarmed = alarmed
        self._folders = tuple(f"{folder.resolve()}{os.sep}" for folder in folders)
        self._whose: dict[str, Origin] = {}
        self._main: Any = None
        self._timer: Any = None
        self._handler = self._alarm  # one object: it is looked for by identity
        self._schedstat: int | None = None
        self._found: list[tuple[_Look | Origin, float]] = []
        self.aside = ""
        """Why nothing is watched any more, if so."""
        self._collecting = self._collected = 0.0
        self._begin(perf_counter())

    # -- life

    def start(self) -> None:
        """Begin to watch, from the thread and the greenlet that asyncio runs in; again is no change."""
        if self._timer is not None or self.aside:
            return
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL or any(_timer()):
            self._step_aside()
            return
        self._main = getcurrent()
        signal.signal(signal.SIGALRM, self._handler)
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, FIRST, AGAIN)
        gc.callbacks.append(self._on_collection)
        self._schedstat = _opened("/proc/self/schedstat")
        self._begin(perf_counter())
        self._timer = gevent.get_hub().loop.timer(PERIOD, PERIOD, ref=False)
        self._timer.start(self._beat)

    def stop(self) -> None:
        """Watch no more, until started again."""
        if self._timer is None:
            return
        self._timer.stop()
        self._timer.close()
        self._timer = None
        gc.callbacks.remove(self._on_collection)
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None
        if self._is_ours():
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def take(self) -> list[Stall]:
        """Return what held the loop up since the last call."""
        found, self._found = self._found, []
        return [
            Stall(Place(look) if isinstance(look, Origin) else _place(look), seconds)
            for look, seconds in found
        ]

    def _is_ours(self) -> bool:
        return signal.getsignal(signal.SIGALRM) is self._handler and abs(_timer()[1] - AGAIN) < 1e-3

    def _step_aside(self) -> None:
        self.aside = "the scenario uses SIGALRM itself, so what blocks the loop cannot be named"

    # -- in the hub, 40 times a second

    def _beat(self) -> None:
        now = perf_counter()
        if self._alarms:
            self._judge(now)
        if not self._is_ours():
            self._step_aside()
            self.stop()
            return
        signal.setitimer(signal.ITIMER_REAL, FIRST, AGAIN)
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._began = self._seen = now
        self._alarms = 0
        self._who: Any = None
        self._others = False
        self._stretch = 0.0
        self._longest: tuple[float, dict[_Look, float]] = (0.0, {})
        self._looks: dict[_Look, float] = {}
        self._waited_before = self._waited()
        self._collected = 0.0

    def _judge(self, now: float) -> None:
        """Note what held this beat up, if it was one thing and long enough."""
        late = now - self._began - PERIOD
        if late < LIMIT:
            return
        stretch, looks = max(
            (self._stretch + now - self._seen, self._looks), self._longest, key=lambda found: found[0]
        )
        waited = self._waited() - self._waited_before
        seconds = late if not self._others else stretch
        own = seconds - waited - self._collected
        if own >= LIMIT and stretch >= LIMIT / 2 and looks:
            self._found.append((_worst(looks), own))
        elif self._collected >= LIMIT:
            self._found.append((Origin.GARBAGE, self._collected))
        elif waited >= LIMIT:
            self._found.append((Origin.MACHINE, waited))

    # -- wherever Python stands, while the loop stands

    def _alarm(self, _number: int, frame: FrameType | None) -> None:
        now, current = perf_counter(), getcurrent()
        gap = now - self._seen
        self._seen = now
        if self._alarms and current is self._who:
            share = gap
        else:
            self._others = self._alarms > 0
            # So long at least it has been this one: the interpreter did not even look for signals.
            share = max(gap - (AGAIN if self._alarms else FIRST), 0.0)
            self._longest = max((self._stretch, self._looks), self._longest, key=lambda found: found[0])
            self._who, self._stretch, self._looks = current, 0.0, {}
        self._alarms += 1
        self._stretch += share
        if frame is not None:
            look = self._look(frame, current)
            self._looks[look] = self._looks.get(look, 0.0) + share
        self._alarmed()

    def _look(self, frame: FrameType, current: object) -> _Look:
        """Return the innermost frame of the scenario, or else the innermost of all."""
        innermost = self._origin(frame.f_code)
        here: FrameType | None = frame
        if innermost is not Origin.RAMPDECK:
            while here is not None:
                if self._origin(here.f_code) is Origin.SCENARIO:
                    return _Look(Origin.SCENARIO, here.f_code, here.f_lasti, here.f_lineno)
                here = here.f_back
        if current is gevent.get_hub():
            origin = Origin.MACHINE  # nobody's turn: the process itself was not running
        else:
            origin = Origin.RAMPDECK if current is self._main else innermost
        return _Look(origin, frame.f_code, frame.f_lasti, frame.f_lineno)

    def _origin(self, code: CodeType) -> Origin:
        origin = self._whose.get(code.co_filename)
        if origin is None:
            origin = self._whose[code.co_filename] = self._origin_of(code.co_filename)
        return origin

    def _origin_of(self, name: str) -> Origin:
        file = str(Path(name).resolve())
        if file.startswith(_OURS) and not file.startswith(_EXAMPLES):
            return Origin.RAMPDECK
        if file.startswith(_OTHERS) or "site-packages" in file or _is_made(file):
            return Origin.LIBRARY
        return Origin.SCENARIO if file.startswith(self._folders) else Origin.LIBRARY

    # -- what is nobody's doing

    def _waited(self) -> float:
        """Return the seconds that this thread has ever waited for a processor; 0 where it is not told."""
        if self._schedstat is None:
            return 0.0
        return int(os.pread(self._schedstat, 100, 0).split()[1]) / 1e9

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        now = perf_counter()
        if phase == "start":
            self._collecting = now
        else:
            self._collected += now - self._collecting


def _worst(looks: dict[_Look, float]) -> _Look:
    """Return where most of the time went: the function first, a loop has many lines, then its line."""
    functions: dict[CodeType, float] = {}
    for look, seconds in looks.items():
        functions[look.code] = functions.get(look.code, 0.0) + seconds
    return max(looks, key=lambda look: (functions[look.code], looks[look]))


def _is_made(file: str) -> bool:
    """Tell whether code has no file: ``<frozen importlib>``, ``<string>``."""
    return Path(file).name.startswith("<")


def _timer() -> tuple[float, float]:
    return signal.getitimer(signal.ITIMER_REAL)


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _folders_of_ours() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return our packages' folders, in a checkout side by side, and among them those of scenarios."""
    package = Path(rampdeck.__file__).resolve().parent
    roots = [package]
    if not (package / "tui").is_dir():
        roots += [package.parent / "tui", package.parent / "collectors"]
    examples = [package / "scenarios"]
    return tuple(f"{root}{os.sep}" for root in roots), tuple(f"{root}{os.sep}" for root in examples)


_OURS, _EXAMPLES = _folders_of_ours()
_OTHERS = tuple(
    f"{Path(folder).resolve()}{os.sep}"
    for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
)


def _place(look: _Look) -> Place:
    code = look.code
    return Place(look.origin, code.co_filename, look.line, code.co_qualname, _called(look))


def _called(look: _Look) -> str:
    """Return the name of what the line was calling: not the arguments, which may be secret."""
    try:
        line, _, column, _ = list(look.code.co_positions())[look.instruction // 2]
    except IndexError:
        return ""
    if line is None or column is None:
        return ""
    text = linecache.getline(look.code.co_filename, line).encode()[column:].decode(errors="replace")
    found = _CALL.match(text)
    return found[0] if found else ""
