"""Locust's statistics as JSON (``--json``), with its keys and our figures.

The keys are those of ``StatsEntryDict`` in Locust's ``stats`` module, of each
request name. Times in ``response_times`` are those of our histograms, at most
1 % off, where Locust's are rounded to two digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from rampdeck.histogram import value_of
from rampdeck.model import RequestBatch
from rampdeck.requests import Key, RequestBook
from rampdeck.secrets import redact


@dataclass
class _Seconds:
    """When requests of a name ended: the first, the last, and how many in each second."""

    first: float
    last: float = 0.0
    requests: dict[int, int] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)


def locust_json(book: RequestBook, batches: Iterable[RequestBatch]) -> str:
    """Return the statistics of a book; ``batches`` tell how many requests each second had."""
    seconds = _by_second(batches)
    entries = []
    for key, tally in book.whole.names.items():
        times = tally.all()
        if not times.count:
            continue
        when = seconds.get(key, _Seconds(0.0))
        entries.append(
            {
                "name": redact(key[1]),
                "method": redact(key[0]),
                "last_request_timestamp": when.last or None,
                "start_time": when.first,
                "num_requests": times.count,
                "num_none_requests": 0,
                "num_failures": tally.failures.count,
                "total_response_time": times.total,
                "max_response_time": times.highest,
                "min_response_time": times.lowest,
                "total_content_length": tally.bytes,
                "response_times": {_time(bucket): count for bucket, count in sorted(times.buckets.items())},
                "num_reqs_per_sec": when.requests,
                "num_fail_per_sec": when.failures,
            }
        )
    return json.dumps(entries, indent=4)


def _by_second(batches: Iterable[RequestBatch]) -> dict[Key, _Seconds]:
    seconds: dict[Key, _Seconds] = {}
    for batch in batches:
        begin = batch.at.utc - batch.seconds
        second = int(begin + batch.seconds / 2)
        for stats in batch.entries:
            failed = stats.failures.count
            count = stats.successes.count + failed
            if not count:
                continue
            when = seconds.setdefault((stats.method, stats.name), _Seconds(begin))
            when.last = batch.at.utc
            when.requests[second] = when.requests.get(second, 0) + count
            if failed:
                when.failures[second] = when.failures.get(second, 0) + failed
    return seconds


def _time(bucket: int) -> str:
    milliseconds = value_of(bucket)
    return f"{milliseconds:.2f}" if milliseconds < 100 else f"{milliseconds:.0f}"
