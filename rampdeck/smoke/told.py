"""What came of ``rampdeck smoke``, as text and as JSON; above and below it stands that it is no evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from rampdeck import format as fmt
from rampdeck.engine import wire
from rampdeck.engine.volley import Answers, Endpoint
from rampdeck.histogram import Histogram, value_of
from rampdeck.secrets import redact
from rampdeck.text import clean

NOTE = "One endpoint, no release evidence"
PERCENTS = (50, 75, 90, 95, 99)
BARS = 10
WIDTH = 40
"""Characters of the longest bar."""


def as_text(endpoint: Endpoint, answers: Answers, *, asked: int, at_once: int) -> str:
    """Return it for a person."""
    blocks = [
        [NOTE],
        list(_summary(endpoint, answers, asked, at_once)),
        list(_latency(answers)),
        list(_counts("Status codes", {_status(code): n for code, n in sorted(answers.statuses.items())})),
        list(_counts("Redirects, not followed", answers.leads)),
        list(_counts("Errors", answers.errors)),
        [NOTE],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def as_json(endpoint: Endpoint, answers: Answers, *, asked: int, at_once: int) -> str:
    """Return it for a program; times are in ms."""
    times = answers.times
    found = {
        "evidence": False,
        "note": NOTE,
        "method": endpoint.method,
        "url": shown(endpoint),
        "asked": asked or None,
        "concurrency": at_once,
        "interrupted": answers.interrupted,
        "requests": answers.ended,
        "answered": times.count,
        "seconds": round(answers.seconds, 3),
        "rps": round(_rate(answers), 3),
        "bytes": answers.bytes,
        "clock": _clock(answers),
        "latency": {
            "min": _rounded(times.lowest if times.count else None),
            "mean": _rounded(times.mean),
            "max": _rounded(times.highest if times.count else None),
            **{f"p{percent}": _rounded(times.percentile(percent)) for percent in PERCENTS},
        },
        "histogram": [{"to": _rounded(end), "count": count} for _, end, count in bars(times)],
        "statuses": {str(code): count for code, count in sorted(answers.statuses.items())},
        "redirects": _said(answers.leads),
        "errors": _said(answers.errors),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def shown(endpoint: Endpoint) -> str:
    """Return the address without what may be secret: who logs in, and the values of its parameters."""
    parts = endpoint.parts
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    query = "&".join(f"{pair.partition('=')[0]}=…" for pair in parts.query.split("&")) if parts.query else ""
    return clean(redact(f"{parts.scheme}://{host}{port}{parts.path or '/'}{query and '?'}{query}"))


def bars(times: Histogram) -> list[tuple[float, float, int]]:
    """Return the times in as many even parts of their range: from, to (ms) and how many."""
    if not times.count:
        return []
    step = (times.highest - times.lowest) / BARS
    if not step:
        return [(times.lowest, times.highest, times.count)]
    counts = [0] * BARS
    for bucket, count in times.buckets.items():
        place = int((value_of(bucket) - times.lowest) / step)
        counts[min(max(place, 0), BARS - 1)] += count
    low = times.lowest
    return [(low + step * number, low + step * (number + 1), count) for number, count in enumerate(counts)]


def _summary(endpoint: Endpoint, answers: Answers, asked: int, at_once: int) -> Iterator[str]:
    yield f"{endpoint.method} {shown(endpoint)}, {at_once} at a time"
    of = f" of {fmt.count(asked)}" if asked else ""
    stopped = ", stopped by hand" if answers.interrupted else ""
    yield f"{fmt.count(answers.ended)}{of} requests in {answers.seconds:.2f} s{stopped}"
    yield f"{_rate(answers):.1f} requests a second, {fmt.size(answers.bytes)} received"
    if endpoint.parts.scheme == "https":
        yield "The certificate was not verified"


def _latency(answers: Answers) -> Iterator[str]:
    times = answers.times
    if not times.count:
        return
    how = {
        "wire": "on the wire, by the kernel's stamps",
        "client": f"with the generator's own queue: {wire.clock().reason or 'no answer was stamped'}",
        "mixed": f"on the wire where the kernel stamped the answer, {answers.stamped} of {times.count}",
    }[_clock(answers)]
    yield f"Latency, {how}"
    ends = (("fastest", times.lowest), ("mean", times.mean), ("slowest", times.highest))
    percentiles = ((f"p{percent}", times.percentile(percent)) for percent in PERCENTS)
    for name, value in (*ends, *percentiles):
        yield f"  {name:8}{value:10.1f} ms"
    yield ""
    spread = bars(times)
    most = max(count for *_, count in spread)
    for _, end, count in spread:
        bar = "■" * -(-count * WIDTH // most)
        yield f"  up to {end:9.1f} ms {count:8} {bar}".rstrip()


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield title
        for text, count in counts.items():
            yield f"  {count:8}  {redact(text)}"


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _said(counts: Mapping[str, int]) -> dict[str, int]:
    """Return texts with their counts, without secrets; two may be one without them."""
    said: dict[str, int] = {}
    for text, count in counts.items():
        said[redact(text)] = said.get(redact(text), 0) + count
    return said


def _clock(answers: Answers) -> str:
    if not answers.stamped:
        return "client"
    return "wire" if answers.stamped == answers.times.count else "mixed"


def _rate(answers: Answers) -> float:
    return answers.ended / answers.seconds if answers.seconds else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
