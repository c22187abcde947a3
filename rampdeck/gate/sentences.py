"""What is said of a threshold: that it failed, turned, stopped the load, or could not be judged."""

from __future__ import annotations

import time

from rampdeck.gate.course import Course, Ever
from rampdeck.gate.judges import Judge, RequestJudge
from rampdeck.gate.sourcejudge import SourceJudge
from rampdeck.gate.sources import kind_of
from rampdeck.gate.words import told
from rampdeck.model import level_name

STOPPED = "the gate stopped the load"
STOPS = "the gate stops the load"


def failure(judge: Judge, ever: Ever) -> str:
    """Return that a threshold failed, with the worst value, where that was, since when and for how long.

    ``p95 < 800ms failed: 1 204 ms at step 3 (50 users), first at 12:31:07 UTC, for 42 s``
    """
    threshold = judge.threshold
    verb = "was breached" if threshold.warns else "failed"
    parts = [f"{threshold.expression} {verb}: {_value(judge, ever.worst)}{_at(judge, ever.where)}"]
    if ever.first is not None:
        parts.append(f"first at {time.strftime('%H:%M:%S', time.gmtime(ever.first.utc))} UTC")
    # A count never recovers, so how long ago it was passed says nothing of it.
    if judge.lasts and ever.longest >= 1:
        several = f"{ever.breaches} times, the longest " if ever.breaches > 1 else ""
        parts.append(f"{several}for {lasting(ever.longest)}")
    elif ever.breaches > 1:
        parts.append(f"{ever.breaches} times")
    return ", ".join(parts) + (f"; {STOPPED}" if ever.stopped else "")


def unjudged(judge: Judge, ever: Ever) -> str:
    """Return that a threshold could not be judged, and why."""
    return f"{judge.threshold.expression} was not judged: {_why(judge, ever)}"


def turned(judge: Judge, course: Course, stops: bool, again: bool) -> str:
    """Return that a threshold is breached, or holds again, or (``again``) that the breach has lasted."""
    verb = "is breached" if judge.breached else "holds again"
    if again:
        verb = f"has been breached for {lasting(course.lasted)}"
    where = f"{course.name} at {judge.place}" if course.name else judge.place
    text = f"{judge.threshold.expression} {verb}: {_value(judge, course.value)}{_at(judge, where)}"
    return f"{text}; {STOPS}" if stops else text


def lasting(seconds: float) -> str:
    """Return how long something lasted: ``42 s``, ``12 min 5 s``."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 2:
        return f"{int(seconds)} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _value(judge: Judge, value: float | None) -> str:
    return told(value, judge.threshold.unit, judge.threshold.limit)


def _at(judge: Judge, where: str) -> str:
    if not where:
        return ""
    return f" on {where}" if judge.of_source else f" at {where}"


def _why(judge: Judge, ever: Ever) -> str:
    threshold = judge.threshold
    if not judge.came:
        return f"stage {threshold.stage} was not reached"
    if isinstance(judge, SourceJudge):
        return _why_unseen(judge)
    if isinstance(judge, RequestJudge) and judge.slides and not judge.was_full:
        return f"the load has not lasted for its {threshold.over:g} s"
    if ever.judged and (level := judge.unproved) is not None:
        return f"too few samples at {level_name(level.number, level.users)}, the highest load"
    return f"{'too few' if ever.samples else 'no'} samples"


def _why_unseen(judge: SourceJudge) -> str:
    threshold = judge.threshold
    unseen = judge.unseen()
    if unseen:
        return "; ".join(unseen)
    if (level := judge.unproved) is not None:
        return f"no source tells it of {level_name(level.number, level.users)}, the highest load"
    labels = ", ".join(f"{key}={value}" for key, value in threshold.labels)
    return f"there is no source of the kind {kind_of(threshold)}" + (f" with {labels}" if labels else "")
