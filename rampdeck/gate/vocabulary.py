"""The words of thresholds: what can be judged, in which units, k6's names for it, and others'."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from rampdeck.config import nearest
from rampdeck.gate.threshold import Kind, label_of
from rampdeck.model import SourceInfo
from rampdeck.view import Metric, Unit

LISTED = 12
"""Names that are listed where one is wanted; more would hide the sentence."""

_KILO = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES = _KILO | {f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)}
UNITS: Mapping[Unit, Mapping[str, str]] = {
    Unit.MILLISECONDS: {"ms": "1", "s": "1000"},
    Unit.SECONDS: {"s": "1", "ms": "0.001", "m": "60", "h": "3600"},
    Unit.PERCENT: {"%": "1"},
    Unit.PER_SECOND: {"/s": "1"},
    Unit.BYTES: {word: str(size) for word, size in _BYTES.items()},
    Unit.BYTES_PER_SECOND: {f"{word}/s": str(size) for word, size in _BYTES.items()},
    Unit.COUNT: {},
}
"""The units that a limit may carry, and how many of ours they are (as exact decimals)."""
ANY_UNIT = frozenset(word.lower() for words in UNITS.values() for word in words)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is judged: the left side of a threshold.

    ``word`` is how it was written. ``most`` is the metric that a per cent of
    this one is of. ``fraction``: a limit without a unit is a share of 1, as in k6.
    """

    word: str
    metric: str
    kind: Kind
    unit: Unit
    percent: float = 0.0
    most: str = ""
    fraction: bool = False


def _of_requests(metric: str, kind: Kind, unit: Unit) -> Measure:
    return Measure(metric, metric, kind, unit)


def percentile(percent: float, word: str) -> Measure:
    """Return a percentile of the response times."""
    return Measure(word, "percentile", Kind.TIME, Unit.MILLISECONDS, percent)


REQUESTS: Mapping[str, Measure] = {
    "mean": _of_requests("mean", Kind.TIME, Unit.MILLISECONDS),
    "min": _of_requests("min", Kind.TIME, Unit.MILLISECONDS),
    "max": _of_requests("max", Kind.TIME, Unit.MILLISECONDS),
    "error_rate": _of_requests("error_rate", Kind.SHARE, Unit.PERCENT),
    "rps": _of_requests("rps", Kind.RATE, Unit.PER_SECOND),
    "requests": _of_requests("requests", Kind.COUNT, Unit.COUNT),
    "failures": _of_requests("failures", Kind.COUNT, Unit.COUNT),
}
"""What can be judged of requests, percentiles aside."""
KNOWN = ("p50", "p95", "p99", "p(99.9)", *REQUESTS)

_TREND = {
    "avg": replace(REQUESTS["mean"], word="avg"),
    "med": percentile(50.0, "med"),
    "min": REQUESTS["min"],
    "max": REQUESTS["max"],
}
_RATE = replace(REQUESTS["error_rate"], word="rate", fraction=True)
_COUNT = replace(REQUESTS["requests"], word="count")
K6_ALONE: Mapping[str, Measure] = {"avg": _TREND["avg"], "med": _TREND["med"], "rate": _RATE, "count": _COUNT}
"""k6's aggregates where they stand without a metric before them."""
K6_METRICS: Mapping[str, Mapping[str, Measure]] = {
    "http_req_duration": _TREND,
    "http_req_failed": {"rate": _RATE},
    "http_reqs": {"count": _COUNT, "rate": replace(REQUESTS["rps"], word="rate")},
}
"""k6's metrics and what may stand after their colon; ``http_req_duration`` has percentiles too."""
_K6_OTHERS = {
    "checks": "a check that fails is a failure here: error_rate",
    "iterations": "iterations are not judged; requests and rps are",
    "iteration_duration": "iterations are not judged; p95 of a request is",
    "http_req_waiting": "the parts of a response time are not told apart; p95 is of the whole",
    "http_req_connecting": "the parts of a response time are not told apart; p95 is of the whole",
    "http_req_blocked": "the parts of a response time are not told apart; p95 is of the whole",
    "http_req_sending": "the parts of a response time are not told apart; p95 is of the whole",
    "http_req_receiving": "the parts of a response time are not told apart; p95 is of the whole",
    "http_req_tls_handshaking": "the parts of a response time are not told apart; p95 is of the whole",
}
_ELSEWHERE = {
    "average": "mean",
    "median": "p50",
    "p100": "max",
    "errors": "failures",
    "fail_ratio": "error_rate",
    "response_time": "p95",
    "throughput": "rps",
}
"""What other tools and people call the same, or nearly."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to speak of: metrics by full name, stages, sources; ``None``: it is not known.

    Stages and sources that are not known are not checked. Without ``metrics`` no source can be judged.
    """

    metrics: Mapping[str, Metric] | None = None
    stages: Collection[str] | None = None
    sources: Collection[SourceInfo] | None = None

    def measure(self, word: str) -> Measure | None:
        """Return what a source's metric stands for, ``None`` where there is none of that name."""
        metric = (self.metrics or {}).get(word)
        if metric is None or metric.unit not in UNITS:
            return None
        return Measure(word, word, Kind.SOURCE, metric.unit, most=metric.most)

    def no_metric(self, word: str) -> tuple[int, str]:
        """Say why a name with a dot is no metric, and at which of its characters that shows."""
        if not self.metrics:
            return 0, f"{word} would be a metric of a source, and no source is known here; {of_requests()}"
        kind, _, name = word.partition(".")
        names = [full.partition(".")[2] for full in self.metrics if full.startswith(f"{kind}.")]
        if names:
            full = [f"{kind}.{one}" for one in names]
            hint = nearest(word, full) if nearest(name, names) else f"; there are {listed(names)}"
            return len(kind) + 1, f'{kind} has no metric "{name}"{hint}'
        kinds = list(dict.fromkeys(full.partition(".")[0] for full in self.metrics))
        hint = nearest(word, self.metrics, 0.75) or f"; there are {listed(kinds)}"
        return 0, f'there is no kind of source "{kind}"{hint}'

    def absent(self, word: str) -> str:
        """Say that no source of a metric's kind is configured, if so."""
        kind = word.partition(".")[0]
        if self.sources is None or any(source.kind == kind for source in self.sources):
            return ""
        return f"no collector of kind {kind} is configured"

    def nobody(self, word: str, labels: Mapping[str, str]) -> str:
        """Say that no source of a metric's kind has the last one of these labels, if so."""
        if self.sources is None:
            return ""
        kind = word.partition(".")[0]
        *_, key = labels
        before = {other: labels[other] for other in labels if other != key}
        there = [
            label_of(source, key)
            for source in self.sources
            if source.kind == kind and all(label_of(source, other) == text for other, text in before.items())
        ]
        if labels[key] in there:
            return ""
        named = sorted(set(filter(None, there)))
        if not named:
            return f"no {kind} source has a label"
        hint = nearest(labels[key], named) or f"; there is {listed(named)}"
        such = (
            f"no {kind} source of this {'label' if key == 'host' else 'host'}"
            if before
            else f"no {kind} source"
        )
        return f'{such} is on "{labels[key]}"{hint}' if key == "host" else f'{such} is "{labels[key]}"{hint}'


def of_requests() -> str:
    """Name what can be judged of requests."""
    return f"there are {listed(KNOWN)}"


def unknown(word: str) -> str:
    """Say of a word that it is no metric, and which one may be meant."""
    if word in _K6_OTHERS:
        return f'unknown metric "{word}": {_K6_OTHERS[word]}'
    same = _ELSEWHERE.get(word.lower())
    hint = f'; did you mean "{same}"?' if same else nearest(word, KNOWN)
    return f'unknown metric "{word}"{hint or "; " + of_requests()}'


def listed(words: Iterable[str]) -> str:
    """Return words in a row; of very many, the first ones."""
    words = list(words)
    more = len(words) - LISTED
    return ", ".join(words if more <= 0 else [*words[:LISTED], f"and {more} more"])
