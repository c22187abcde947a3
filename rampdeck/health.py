"""Is the generator itself the limit? What it says of itself, held against limits.

Pure, so that this process, a worker and a replay are judged alike: values by
metric name in (those of the ``generator`` collector), excesses out.

Two kinds of excess must be told apart. Where the kernel stamps the answers,
response times are wire times, which no queue of the generator is part of: a
generator at its limit then sends late and in bunches, and the load is less
than asked for, but a p95 that failed has failed. Without stamps the times hold
the generator's own queue; such an excess ``taints`` what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rampdeck.config import GeneratorLimits


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that is exceeded.

    ``limit`` is its key in ``[generator]``, or ``rps`` for the ceiling of ``[guard]``;
    ``what`` was the case, without any figure that changes, so that it can be counted;
    ``means`` says what follows.
    """

    limit: str
    what: str
    means: str
    taints: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.means}"


_QUEUE = "response times hold the generator's own queue"
_LESS = "wire times stay right, but requests left late, so the load was less than asked for. Use --workers"
_FULL = "it had nothing in reserve, so the load may have been less than asked for. Use --workers"
_STUCK = (
    "they are held up by the scenario's own code or by the generator, so the load was less than asked for"
)
_HELD = "the load was less than asked for. Raise the ceiling, or ask for less"
_OF_USERS = ("lag", "cpu", "files")
"""Limits of the process that the users are in."""
STOOD = Excess("lag", "the whole program stood still", _QUEUE, taints=True)
"""Nothing ran for seconds on end, not even what looks at the lag."""
STOOD_STAMPED = Excess("lag", STOOD.what, _LESS)
"""The same where the kernel stamps the answers."""


def is_stamped(values: Mapping[str, float]) -> bool:
    """Tell whether the response times are wire times: the generator says so, also while it sends little."""
    return bool(values.get("stamped")) or "delay_p95_ms" in values


def judge_workers(values: Mapping[str, float], limits: GeneratorLimits) -> tuple[Excess, ...]:
    """Return the limits that the busiest worker exceeds, by the values of the ``workers`` source.

    What users and requests show, the cockpit knows of all workers together.
    """
    known = {name: values[name] for name in ("cpu_percent", "lag_p99_ms", "held_back") if name in values}
    if not values.get("unstamped"):
        known["stamped"] = 1.0
    return tuple(
        replace(
            excess,
            what=excess.what.replace("the generator", "a worker").replace("the loop", "a worker"),
            means=excess.means.replace("Use --workers", "Use more workers, or other machines"),
        )
        for excess in judge(known, limits)
    )


def judge_cockpit(values: Mapping[str, float], limits: GeneratorLimits) -> tuple[Excess, ...]:
    """Return the limits that this process exceeds while all users are in workers.

    Its loop, its processor and its files are in no request; workers are judged by their own.
    """
    return tuple(excess for excess in judge(values, limits) if excess.limit not in _OF_USERS)


def judge(values: Mapping[str, float], limits: GeneratorLimits) -> tuple[Excess, ...]:
    """Return the limits that are exceeded, the gravest first; what is not known exceeds nothing."""
    stamped = is_stamped(values)
    found: list[Excess] = []
    if values.get("lag_p99_ms", 0.0) > limits.lag and not stamped:
        found.append(Excess("lag", f"the loop lagged by more than {limits.lag:g} ms", _QUEUE, taints=True))
    if values.get("open_files", 0.0) > limits.files / 100 * values.get("open_files_limit", float("inf")):
        what = f"more than {limits.files:g} % of the open files were in use"
        means = "users may have failed to connect, which is not the server's doing. Raise ulimit -n"
        found.append(Excess("files", what, means, taints=True))
    if (
        values.get("delay_p95_ms", 0.0) > limits.delay
        and values.get("delay_percent", 0.0) > limits.delay_percent
    ):
        what = (
            f"the generator added more than {limits.delay:g} ms and {limits.delay_percent:g} % of p95 "
            "to a request"
        )
        found.append(Excess("delay", what, _LESS))
    if values.get("cpu_percent", 0.0) > limits.cpu:
        what = f"the generator used more than {limits.cpu:g} % of a core"
        means = _FULL if stamped else f"{_QUEUE}. Use --workers"
        found.append(Excess("cpu", what, means, taints=not stamped))
    if values.get("held_back", 0.0) > 0:
        found.append(Excess("rps", "requests were held back by the ceiling of [guard] rps", _HELD))
    if values.get("littles_law", 100.0) < 100.0 - limits.littles_law:
        what = f"users were for more than {limits.littles_law:g} % of their time in no request and no wait"
        found.append(Excess("littles_law", what, _STUCK))
    if values.get("steal_percent", 0.0) > limits.steal:
        # The kernel stamps nothing while its processor is away, so wire times suffer as well.
        what = f"the hypervisor took more than {limits.steal:g} % of this machine's processor"
        found.append(Excess("steal", what, "response times hold what it took", taints=True))
    if values.get("memory_percent", 0.0) > limits.memory:
        what = f"more than {limits.memory:g} % of this machine's memory was in use"
        found.append(Excess("memory", what, "the generator may have been swapped out"))
    return tuple(found)
