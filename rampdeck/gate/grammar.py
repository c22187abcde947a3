"""What a threshold may say; ``docs/thresholds.md`` explains it to those who write them.

::

    p95 < 800ms
    p(99){name=/dashboard/, method=GET} <= 1.2s
    postgres.connections < 80%
    host.cpu{host=web} < 85% for 30s
    p95 < 2s over 30s abort after 10s

    threshold = measure operator limit { suffix }
    measure   = metric [ labels ] | k6 metric [ labels ] ":" aggregate
    metric    = "p50" ... "p99.9" | "p(" number ")" | "mean" | "min" | "max"
              | "error_rate" | "rps" | "requests" | "failures"
              | kind "." name                               of a source
              | "avg" | "med" | "rate" | "count"            k6's words
    labels    = "{" label { "," label } "}"
    label     = ( "name" | "method" | "host" | "label" ) ( "=" | ":" ) text
    operator  = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="
    limit     = number [ unit ]
    suffix    = "over" duration | "for" duration | "at" text
              | "abort" [ "after" duration ] | "warn"       in any order, each once

Whatever could be meant in two ways is refused: a share without its ``%``, a per
cent of what has no most, a limit that always or never holds. A text with a blank,
``,``, ``}`` or a quote in it goes into quotes, as ``"..."`` or ``'...'``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from rampdeck.config import nearest
from rampdeck.errors import UsageError
from rampdeck.gate.scanner import Scanner
from rampdeck.gate.suffixes import suffixes_of
from rampdeck.gate.threshold import OPERATORS, WORDS, Kind, Threshold, plain
from rampdeck.gate.vocabulary import (
    ANY_UNIT,
    K6_ALONE,
    K6_METRICS,
    REQUESTS,
    UNITS,
    Known,
    Measure,
    listed,
    of_requests,
    percentile,
    unknown,
)
from rampdeck.model import SourceInfo
from rampdeck.text import clean
from rampdeck.view import Metric, Unit

__all__ = ["Kind", "Threshold", "parse", "parse_all"]

MOST_TOLD = 3
"""Thresholds that cannot be read of which it is told why."""
_PERCENTILE = re.compile(r"p(?:([0-9]{1,3}(?:\.[0-9]{1,6})?)(?!\w)|\(\s*([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*\))")
_WORD = re.compile(r"[A-Za-z_][\w.]*")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?(?![0-9.])|\.[0-9]{1,15}(?![0-9.])")
_UNIT = re.compile(r"""[^\s0-9.,;{}()"'<>=!&|]+""")
_MISSED = re.compile(r"\s(?=(?:name|method|host|label)\s*[=:])")
_VALUE = re.compile(r"""(?!["'])(?:[^,{}"]|\{[^{}"]*\})+""")
_SIGNS = ("===", *OPERATORS)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WRONG_SIGNS = {"=>": ">=", "=<": "<=", "≤": "<=", "≥": ">=", "=": "=="}
_WRAPPED = ("'", '"', "[", "{", "(")
UNWRAPPED = "a metric must stand here, without quotes or brackets around it"
_NOUNS = {
    Kind.TIME: "a response time",
    Kind.SHARE: "a share",
    Kind.RATE: "a rate",
    Kind.COUNT: "a count",
}


def parse(
    text: str,
    metrics: Mapping[str, Metric] | None = None,
    stages: Collection[str] | None = None,
    sources: Collection[SourceInfo] | None = None,
) -> Threshold:
    """Return the threshold that a text says.

    ``metrics`` are those of sources by full name, ``stages`` the names of the plan's,
    ``sources`` what is configured; the latter two are not checked where they are ``None``.
    Raises :class:`UsageError` that shows the place and says what may stand there.
    """
    return _Parser(clean(text), Known(metrics, stages, sources)).threshold()


def parse_all(
    texts: Iterable[str | Threshold],
    metrics: Mapping[str, Metric] | None = None,
    stages: Collection[str] | None = None,
    sources: Collection[SourceInfo] | None = None,
) -> tuple[Threshold, ...]:
    """Return the thresholds that texts say; see :func:`parse`.

    Raises :class:`UsageError` that tells of each one that cannot be read, the first few
    at least, by its number; also where two say the same.
    """
    read: dict[Threshold, int] = {}
    wrong: list[str] = []
    for number, text in enumerate(texts, 1):
        try:
            threshold = parse(text, metrics, stages, sources) if isinstance(text, str) else text
            if threshold in read:
                raise Scanner(threshold.expression).error(0, f"it says the same as number {read[threshold]}")
            read[threshold] = number
        except UsageError as error:
            wrong.append(f"number {number}: {error.why}" + (f"\n    {error.fix}" if error.fix else ""))
    if not wrong:
        return tuple(read)
    what = "a threshold cannot be read" if len(wrong) == 1 else f"{len(wrong)} thresholds cannot be read"
    more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
    raise UsageError(what, "\n".join([*wrong[:MOST_TOLD], *more]))


class _Parser:
    """Reads one threshold."""

    def __init__(self, text: str, known: Known) -> None:
        self._scan = Scanner(text)
        self._known = known

    def threshold(self) -> Threshold:
        scan = self._scan
        measure, labels = self._measure()
        sign = self._operator()
        place = scan.skip()
        limit, of = self._limit(measure)
        self._check_limit(place, measure, sign, limit)
        suffixes = suffixes_of(scan, measure, sign, limit, self._known.stages)
        selected = {key: text for key, text in labels.items() if key in ("name", "method")}
        others = sorted((key, text) for key, text in labels.items() if key not in selected)
        return Threshold(
            expression=scan.text.strip(),
            metric=measure.metric,
            kind=measure.kind,
            operator=sign,
            limit=limit,
            unit=Unit.PERCENT if of else measure.unit,
            percent=measure.percent,
            name=selected.get("name", ""),
            method=selected.get("method", ""),
            labels=tuple(others),
            over=suffixes.over,
            patience=suffixes.patience,
            stage=suffixes.stage,
            abort=suffixes.abort,
            grace=suffixes.grace,
            warns=suffixes.warns,
            of=of,
        )

    # -- what is judged

    def _measure(self) -> tuple[Measure, dict[str, str]]:
        scan = self._scan
        start = scan.skip()
        if found := self._percentile():
            return found, self._labels(found.word)
        word = match[0] if (match := scan.take(_WORD)) else ""
        if word in K6_METRICS:
            labels = self._labels(word)
            return self._aggregate(word), labels
        measure = REQUESTS.get(word) or K6_ALONE.get(word) or self._known.measure(word)
        if measure is None:
            raise self._no_metric(start, word)
        if measure.kind is Kind.SOURCE and (absent := self._known.absent(word)):
            raise scan.error(start, absent, "Add one under [[collectors]], or take the threshold out")
        return measure, self._labels(word)

    def _percentile(self) -> Measure | None:
        scan = self._scan
        start = scan.skip()
        if not (match := scan.take(_PERCENTILE)):
            if scan.text.startswith("p(", start):
                raise scan.error(start + 2, "a percentile is written p95 or p(99.9)")
            return None
        percent = float(match[1] or match[2])
        if 0 < percent < 100:
            return percentile(percent, match[0])
        raise scan.error(start, "a percentile lies between 0 and 100; the slowest request is max")

    def _no_metric(self, start: int, word: str) -> UsageError:
        scan = self._scan
        if "." in word:
            offset, why = self._known.no_metric(word)
            return scan.error(start + offset, why)
        if word:
            return scan.error(start, unknown(word))
        if scan.text[start : start + 1].isdigit():
            return scan.error(start, "the metric comes first, then the limit: p95 < 800ms")
        if scan.text[start : start + 1] in _WRAPPED:
            return scan.error(start, UNWRAPPED)
        return scan.error(start, f"a metric must stand here; {of_requests()}")

    def _aggregate(self, metric: str) -> Measure:
        """Read what follows k6's ``http_req_duration:``."""
        scan = self._scan
        known = K6_METRICS[metric]
        timed = metric == "http_req_duration"
        example = "p(95)<800" if timed else "rate<0.01" if metric == "http_req_failed" else "rate>40"
        if not scan.literal(":"):
            raise scan.error(scan.at, f"k6's {metric} goes on with a colon: {metric}: {example}")
        place = scan.skip()
        found = self._percentile()
        if found and timed:
            return found
        if scan.text[place : place + 1] in _WRAPPED:
            raise scan.error(place, UNWRAPPED)
        word = found.word if found else match[0] if (match := scan.take(_WORD)) else ""
        if word not in known:
            names = ["p(95)", *known] if timed else list(known)
            hint = nearest(word, names) or f"; there is {listed(names)}"
            said = f'{metric} has no "{word}"{hint}' if word else f"{listed(names)} must stand here"
            raise scan.error(place, said)
        return known[word]

    def _labels(self, word: str) -> dict[str, str]:
        scan = self._scan
        labels: dict[str, str] = {}
        if not scan.literal("{"):
            return labels
        known = ("host", "label") if "." in word and not _PERCENTILE.fullmatch(word) else ("name", "method")
        while True:
            start = scan.skip()
            key = match[0] if (match := scan.take(_WORD)) else ""
            if key not in known:
                raise scan.error(start, _no_label(key, word, known))
            if key in labels:
                raise scan.error(start, f"{key} stands here twice")
            if not scan.literal("=") and not scan.literal(":"):
                raise scan.error(scan.at, f'"=" must stand here: {key}=...')
            start = scan.skip()
            quoted = scan.text[start : start + 1] in ("'", '"')
            labels[key] = scan.words(_VALUE)
            if not quoted and (missed := _MISSED.search(scan.text, start, scan.at)):
                raise scan.error(missed.start(), '"," must stand here, or the whole name in quotes')
            if not labels[key]:
                raise scan.error(start, f"the {key} is missing")
            if key == "method" and labels[key].upper() in _METHODS:
                labels[key] = labels[key].upper()
            if key in ("host", "label") and (nobody := self._known.nobody(word, labels)):
                raise scan.error(start, nobody)
            if scan.literal("}"):
                return labels
            if not scan.literal(","):
                raise scan.error(scan.skip(), '"," or "}" must stand here')

    # -- the limit

    def _operator(self) -> str:
        scan = self._scan
        start = scan.skip()
        wrong = next((right for left, right in _WRONG_SIGNS.items() if scan.text.startswith(left, start)), "")
        for sign in _SIGNS:
            if scan.literal(sign):
                return sign[:2]
        hint = f" (write {wrong})" if wrong else ""
        raise scan.error(start, f"an operator must stand here: {listed(OPERATORS)}{hint}")

    def _limit(self, measure: Measure) -> tuple[float, str]:
        """Return the limit in the unit that it is judged in, and the metric that a per cent is of."""
        scan = self._scan
        start = scan.skip()
        minus = scan.literal("-")
        match = scan.take(_NUMBER)
        if match is None:
            raise scan.error(start, "a number must stand here")
        number = Decimal(match[0])
        if scan.text.startswith(",", scan.at):
            raise scan.error(
                scan.at, "a number has no comma: thousands stand without one, decimals after a dot"
            )
        if minus and (measure.kind is not Kind.SOURCE or measure.unit is not Unit.MILLISECONDS):
            raise scan.error(start, f"{measure.word} is never below 0")
        ended = scan.at
        place = scan.skip()
        unit = ""
        match = _UNIT.match(scan.text, place)
        # A word behind a blank is a unit only if there is one of that name.
        if match and match[0] not in WORDS and (place == ended or match[0].lower() in ANY_UNIT):
            unit = match[0]
            scan.at = match.end()
        if unit == "%" and measure.kind is Kind.SOURCE and measure.unit is not Unit.PERCENT:
            return self._share_of_most(start, place, measure, number)
        limit = number * self._factor(place, measure, unit, number)
        if measure.kind is Kind.SHARE and limit > 100:
            raise scan.error(start, "a share cannot be more than 100%")
        return float(-limit if minus else limit), ""

    def _share_of_most(self, start: int, place: int, measure: Measure, number: Decimal) -> tuple[float, str]:
        if not measure.most:
            why = f'unknown unit "%": there is no telling what most {measure.word} may be; {_units(measure)}'
            raise self._scan.error(place, why)
        if number > 100:
            raise self._scan.error(start, f"{measure.word} cannot be more than 100% of {measure.most}")
        return float(number), measure.most

    def _factor(self, place: int, measure: Measure, unit: str, number: Decimal) -> Decimal:
        """Return how many of the units that are judged one of this unit is."""
        scan = self._scan
        words = UNITS[measure.unit]
        if unit in words:
            return Decimal(words[unit])
        if unit:
            close = next((word for word in words if word.lower() == unit.lower()), "")
            hint = f'; did you mean "{close}"?' if close else f"; {_units(measure)}"
            raise scan.error(place, f'unknown unit "{unit}"{hint}')
        if measure.fraction:
            if number <= 1:
                return Decimal(100)
            why = f"k6's {measure.word} lies between 0 and 1; per cent are written {plain(float(number))}%"
            raise scan.error(place, why)
        if measure.unit is Unit.PERCENT and number:
            raise scan.error(place, f"{measure.word} wants its unit: {plain(float(number))}%")
        return Decimal(1)

    def _check_limit(self, place: int, measure: Measure, sign: str, limit: float) -> None:
        """Refuse a limit that says nothing, or the contrary of what was meant."""
        scan = self._scan
        below = measure.kind is Kind.SOURCE and measure.unit is Unit.MILLISECONDS
        if limit == 0 and sign == "<" and not below:
            raise scan.error(place, f"{measure.word} is never below 0; for none at all write == 0")
        if limit == 0 and sign == ">=" and not below:
            raise scan.error(place, f"{measure.word} >= 0 always holds")
        if measure.fraction and sign in (">", ">="):
            why = f"{measure.word} is the share of requests that failed, and a lower limit makes no sense"
            raise scan.error(place, why, "Write error_rate < 1%; requests a second are rps")


def _no_label(key: str, word: str, known: tuple[str, ...]) -> str:
    """Say why a label cannot stand behind a metric."""
    if not key:
        return f"a label must stand here: {known[0]}=..."
    if key == "expected_response":
        return "response times are of all requests, failed ones too: leave expected_response out"
    if key in ("name", "method", "host", "label"):
        whose = "a source" if "host" in known else "requests"
        return f'unknown label "{key}": {word} is of {whose}, and has {" and ".join(known)}'
    return f'unknown label "{key}"{nearest(key, known) or f"; there are {known[0]} and {known[1]}"}'


def _units(measure: Measure) -> str:
    noun = _NOUNS.get(measure.kind, measure.word)
    return f"{noun} takes {listed(UNITS[measure.unit]) or 'a number alone'}"
