"""What a threshold may say.

::

    p95 < 800ms
    p(99.9){name=/dashboard/, method=GET} <= 1.2s
    error_rate < 1%
    rps >= 40

    threshold = metric [ "{" label { "," label } "}" ] operator limit
    metric    = "p50" ... "p99.9" | "p(" number ")" | "mean" | "max"
              | "error_rate" | "rps" | "requests" | "failures"
    label     = ( "name" | "method" ) "=" ( text | '"' text '"' )
    operator  = "<" | "<=" | ">" | ">=" | "==" | "!="
    limit     = number [ unit ]

Percentiles, mean and max are response times of all requests, in ``ms`` (also
when no unit stands there) or ``s``. ``error_rate`` wants its ``%``: whoever
writes ``< 1`` may mean a hundredth or everything. ``rps`` may carry ``/s``.
A name with ``,`` or ``}`` in it goes into double quotes.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from rampdeck.config import nearest
from rampdeck.errors import UsageError
from rampdeck.text import clean
from rampdeck.view import Unit

NEAR = 0.8
"""Share of an upper limit from which on a value is near it."""


class Kind(Enum):
    """What a metric is, and so how it is judged."""

    TIME = auto()  #: a response time; needs enough requests
    SHARE = auto()  #: a share of requests, in per cent; needs enough requests
    RATE = auto()  #: requests a second; needs enough seconds
    COUNT = auto()  #: adds up over all load levels


_UNITS: Mapping[Kind, tuple[Unit, Mapping[str, float]]] = {
    Kind.TIME: (Unit.MILLISECONDS, {"": 1.0, "ms": 1.0, "s": 1000.0}),
    Kind.SHARE: (Unit.PERCENT, {"%": 1.0}),
    Kind.RATE: (Unit.PER_SECOND, {"": 1.0, "/s": 1.0}),
    Kind.COUNT: (Unit.COUNT, {"": 1.0}),
}
_NOUNS = {
    Kind.TIME: "a response time",
    Kind.SHARE: "a share",
    Kind.RATE: "a rate",
    Kind.COUNT: "a count",
}
_METRICS = {
    "mean": Kind.TIME,
    "max": Kind.TIME,
    "error_rate": Kind.SHARE,
    "rps": Kind.RATE,
    "requests": Kind.COUNT,
    "failures": Kind.COUNT,
}
_KNOWN = ("p50", "p95", "p99", "p(99.9)", *_METRICS)
_ELSEWHERE = {
    "avg": "mean",
    "median": "p50",
    "med": "p50",
    "p100": "max",
    "errors": "failures",
    "http_req_duration": "p95",
    "http_req_failed": "error_rate",
    "http_reqs": "requests",
}
"""What other tools and people call the same."""
_LATER = ("at", "over", "for", "abort")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_PERCENTILE = re.compile(r"p(?:(\d{1,3}(?:\.\d{1,6})?)\b|\(\s*(\d{1,3}(?:\.\d{1,6})?)\s*\))")
_WORD = re.compile(r"[A-Za-z_][\w.]*")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?|\.\d{1,9}")
_UNIT = re.compile(r"[A-Za-z%/µ]+")
_VALUE = re.compile(r'"([^"]*)"|([^,}"]+)')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One thing that must hold; ``limit`` and every value are in ``unit``.

    ``metric`` is ``percentile`` for all of them, with ``percent``; with a dot in
    it, it is a metric of a source (``postgres.connections``). An empty
    ``name`` or ``method`` stands for any; ``labels`` are those of a source
    (``host``, ``label``).

    ``over``: seconds of a sliding window that takes the place of the load level.
    ``patience``: seconds that it must be broken on end before that counts (``for``).
    ``stage``: it is looked at in this stage only (``at``). ``abort``: a breach
    stops the load, if it lasts for ``grace`` seconds. ``warns``: it never
    changes a verdict. ``of``: the metric that a limit in per cent is of.
    """

    expression: str
    metric: str
    kind: Kind
    operator: str
    limit: float
    percent: float = 0.0
    name: str = ""
    method: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    over: float | None = None
    patience: float = 0.0
    stage: str = ""
    abort: bool = False
    grace: float = 0.0
    warns: bool = False
    of: str = ""

    @property
    def unit(self) -> Unit:
        """Return what values and limit are counted in."""
        return _UNITS[self.kind][0]

    @property
    def label(self) -> str:
        """Return what is judged, in few characters: ``p95 GET /dashboard/``."""
        metric = f"p{self.percent:g}" if self.metric == "percentile" else self.metric.replace("_", " ")
        return " ".join(part for part in (metric, self.method, self.name) if part)

    def holds(self, value: float) -> bool:
        """Return whether a value keeps to the limit."""
        return _OPERATORS[self.operator](value, self.limit)

    def is_near(self, value: float) -> bool:
        """Return whether a value has come near an upper limit."""
        return self.operator in ("<", "<=") and 0 < NEAR * self.limit <= value

    def badness(self, value: float) -> float:
        """Return a number that is the higher, the worse the value is."""
        match self.operator:
            case "<" | "<=":
                return value
            case ">" | ">=":
                return -value
            case "==":
                return abs(value - self.limit)
            case _:
                return -abs(value - self.limit)


def parse(text: str) -> Threshold:
    """Return the threshold that a text says.

    Raises :class:`UsageError` that shows the place and says what may stand there.
    """
    return _Parser(clean(text)).threshold()


class _Parser:
    """Goes through the text once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def threshold(self) -> Threshold:
        metric, percent, kind = self._metric()
        labels = self._labels()
        sign = self._operator()
        limit = self._limit(metric, kind)
        self._end()
        return Threshold(
            expression=self._text.strip(),
            metric=metric,
            kind=kind,
            operator=sign,
            limit=limit,
            percent=percent,
            name=labels.get("name", ""),
            method=labels.get("method", ""),
        )

    def _metric(self) -> tuple[str, float, Kind]:
        start = self._skip()
        if match := self._take(_PERCENTILE):
            percent = float(match[1] or match[2])
            if 0 < percent < 100:
                return "percentile", percent, Kind.TIME
            raise self._error(start, "a percentile lies between 0 and 100; the slowest request is max")
        word = match[0] if (match := self._take(_WORD)) else ""
        if word in _METRICS:
            return word, 0.0, _METRICS[word]
        if "." in word:
            raise self._error(
                start, f"{word} is a metric of a source; only requests can be judged: {_listed(_KNOWN)}"
            )
        if not word:
            raise self._error(start, f"a metric must stand here: {_listed(_KNOWN)}")
        same = _ELSEWHERE.get(word.lower())
        hint = f'; did you mean "{same}"?' if same else nearest(word, _KNOWN)
        raise self._error(start, f'unknown metric "{word}"{hint or f"; there are {_listed(_KNOWN)}"}')

    def _labels(self) -> dict[str, str]:
        labels: dict[str, str] = {}
        if not self._literal("{"):
            return labels
        while True:
            start = self._skip()
            key = match[0] if (match := self._take(_WORD)) else ""
            if key not in ("name", "method"):
                known = nearest(key, ("name", "method")) or "; there are name and method"
                raise self._error(
                    start, f'unknown label "{key}"{known}' if key else "a label must stand here: name=..."
                )
            if key in labels:
                raise self._error(start, f"{key} stands here twice")
            if not self._literal("="):
                raise self._error(self._at, f'"=" must stand here: {key}=...')
            start = self._skip()
            match = self._take(_VALUE)
            value = (match[1] or match[2] or "").strip() if match else ""
            if not value:
                raise self._error(start, f"the {key} is missing")
            labels[key] = value.upper() if key == "method" else value
            if self._literal("}"):
                return labels
            if not self._literal(","):
                raise self._error(self._at, '"," or "}" must stand here')

    def _operator(self) -> str:
        start = self._skip()
        for sign in _OPERATORS:
            if self._literal(sign):
                return sign
        wrong = {"=>": ">=", "=<": "<=", "=": "=="}
        found = next((right for left, right in wrong.items() if self._text.startswith(left, start)), "")
        hint = f" (write {found})" if found else ""
        raise self._error(start, f"an operator must stand here: {_listed(_OPERATORS)}{hint}")

    def _limit(self, metric: str, kind: Kind) -> float:
        start = self._skip()
        match = self._take(_NUMBER)
        if match is None:
            raise self._error(start, "a number must stand here")
        number = float(match[0])
        place = self._skip()
        unit = ""
        if (match := _UNIT.match(self._text, place)) and match[0] not in _LATER:
            unit = match[0]
            self._at = match.end()
        _, units = _UNITS[kind]
        if kind is Kind.SHARE and not unit and number:
            raise self._error(place, f"{metric} wants its unit: {_plain(number)}%")
        if unit not in units and (unit or number):
            known = _listed([word for word in units if word]) or "none"
            raise self._error(place, f'unknown unit "{unit}"; {_NOUNS[kind]} has {known}')
        if kind is Kind.SHARE and number > 100:
            raise self._error(start, "a share cannot be more than 100%")
        return number * units.get(unit, 1.0)

    def _end(self) -> None:
        start = self._skip()
        rest = self._text[start:].strip()
        if not rest:
            return
        word = rest.split()[0]
        if word in _LATER:
            raise self._error(
                start,
                f'"{word}" cannot be used: a threshold is judged over the measured part of each load level',
            )
        raise self._error(start, f'"{rest}" is too much: one threshold ends after its limit')

    def _skip(self) -> int:
        """Go over blanks and return the place."""
        if match := _SPACE.match(self._text, self._at):
            self._at = match.end()
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match

    def _literal(self, text: str) -> bool:
        start = self._skip()
        found = self._text.startswith(text, start)
        if found:
            self._at = start + len(text)
        return found

    def _error(self, at: int, why: str) -> UsageError:
        return UsageError("a threshold cannot be read", f"{why}\n    {self._text}\n    {' ' * at}^")


def _plain(number: float) -> str:
    """Return a number as a person would have written it."""
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _listed(words: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(words)
