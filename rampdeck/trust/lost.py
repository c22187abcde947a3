"""Lines of a log that never came, where a threshold counts what the lines say.

A flood that journald cut off may have held the one line that would have failed
the run. Where nothing is judged by a log, its missing lines are told and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rampdeck.gate.grammar import Threshold
from rampdeck.session import Source


class Lost:
    """Counts the lines that the senders of logs left out while a level was measured."""

    def __init__(self, thresholds: Sequence[Threshold] = ()) -> None:
        self._thresholds = thresholds
        self._before: dict[str, int] = {}
        self._suppressed: dict[str, int] = defaultdict(int)
        self._judging: dict[str, str] = {}

    def observe(self, sources: Iterable[Source], *, measuring: bool) -> None:
        """Look at all sources; once a second, also while nothing is measured."""
        for source in sources:
            if source.lines is None:
                continue
            name, now = source.info.name, source.lines.suppressed
            new = now - self._before.get(name, 0)
            self._before[name] = now
            if new and measuring and (judging := self._of(source)):
                self._suppressed[name] += new
                self._judging[name] = judging

    def doubts(self) -> Iterator[str]:
        """Yield a sentence for each source whose missing lines a threshold may have needed."""
        for name, count in self._suppressed.items():
            lines = "1 line" if count == 1 else f"{count} lines"
            yield f"the host left out {lines} of {name}, so {self._judging[name]} may not have seen all"

    def _of(self, source: Source) -> str:
        """Return the first threshold over metrics of a source; empty if there is none."""
        for threshold in self._thresholds:
            kind, dot, _ = threshold.metric.partition(".")
            host = dict(threshold.labels).get("host", source.info.host)
            if dot and kind == source.info.kind and host == source.info.host and not threshold.warns:
                return threshold.expression
        return ""
