"""What a server does for a while, told as it begins and once when it is over.

A poll finds the same state again every second, and many counters grow every
second under load. Each such thing is an episode: an event with its signal when
it is first seen, another when it has not been seen for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rampdeck.collector import Sink
from rampdeck.model import Severity

CALM = 5.0
"""Seconds without it after which an episode is over."""
MOST = 20
"""Episodes of one signal that are told at the same time; more are not told one by one."""


@dataclass(slots=True)
class _Episode:
    what: str
    began: float
    seen: float
    fields: Mapping[str, str]
    total: float


class Episodes:
    """The episodes of one source.

    Call :meth:`see` for what is seen in a reading, then :meth:`settle` once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], _Episode] = {}

    def see(
        self,
        sink: Sink,
        signal: str,
        text: str,
        severity: Severity,
        *,
        key: str = "",
        what: str = "",
        fields: Mapping[str, str] | None = None,
        count: float = 0.0,
    ) -> None:
        """Note that it is so now; an event if it was not so before.

        ``key`` tells several of one signal apart, ``what`` names it in the
        sentence that it is over, ``count`` is what is added up until then.
        """
        now = self._clock()
        episode = self._open.get((signal, key))
        if episode is not None:
            episode.seen = now
            episode.total += count
            return
        if sum(name == signal for name, _ in self._open) >= MOST:
            return
        told = {"signal": signal, **(fields or {})}
        self._open[signal, key] = _Episode(what or text, now, now, told, count)
        sink.log(text, severity, fields=told, lines=0)

    def settle(self, sink: Sink, *, gone: bool = False) -> None:
        """Say of those not seen for a while that they are over; with ``gone`` all are, without a word."""
        now = self._clock()
        for place, episode in list(self._open.items()):
            if gone or now - episode.seen >= CALM:
                del self._open[place]
                if not gone:
                    total = f", {episode.total:,.0f} in all".replace(",", " ") if episode.total else ""
                    text = f"over after {episode.seen - episode.began:.0f} s{total}: {episode.what}"
                    sink.log(text, Severity.NOTICE, fields={**episode.fields, "over": "yes"}, lines=0)
