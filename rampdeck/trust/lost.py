"""Lines of a log that never came, where a threshold counts what the lines say.

A flood that journald cut off may have held the one line that would have failed
the run. Where nothing is judged by a log, its missing lines are told and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rampdeck.gate.sources import selects
from rampdeck.gate.threshold import Threshold
from rampdeck.session import Source


class Lost:
    """Counts lines that went missing while a level was measured: left out by their sender, or in a hole."""

    def __init__(self, thresholds: Sequence[Threshold] = ()) -> None:
        self._thresholds = thresholds
        self._before: dict[str, tuple[int, int]] = {}
        self._left_out: dict[str, int] = defaultdict(int)
        self._judging: dict[str, str] = {}

    def observe(self, sources: Iterable[Source], *, measuring: bool) -> None:
        """Look at all sources; once a second, also while nothing is measured."""
        for source in sources:
            name = source.info.name
            now = (source.lines.suppressed if source.lines else 0, source.holes)
            before = self._before.get(name, (0, 0))
            if now != before:
                self._before[name] = now
                if measuring and (judging := self._of(source)):
                    self._left_out[name] += now[0] - before[0]
                    self._judging[name] = judging

    def doubts(self) -> Iterator[str]:
        """Yield a sentence for each source whose missing lines a threshold may have needed."""
        for name, judging in self._judging.items():
            count = self._left_out[name]
            what = f"{count} line{'s' * (count != 1)} of {name} were left out" if count else ""
            yield f"{what or f'lines of {name} may be missing'}, so {judging} may not have seen all"

    def _of(self, source: Source) -> str:
        """Return the first threshold over metrics of a source; empty if there is none."""
        found = (one.expression for one in self._thresholds if not one.warns and selects(one, source.info))
        return next(found, "")
