"""How a threshold stood, as written records say it: its state, its sentence, its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rampdeck.gate.sentences import lasting
from rampdeck.gate.words import NOTHING, told
from rampdeck.record.gfm import code, prose, table
from rampdeck.record.words import BRIEFLY, STATES, brief, clock, number
from rampdeck.snapshot import ThresholdState, ThresholdView


def state(view: ThresholdView) -> ThresholdState:
    """Return the state that counts: what failed once has failed."""
    return ThresholdState.FAIL if view.failed else view.state


def is_beyond(view: ThresholdView) -> bool:
    """Return whether it was broken, but never for as long as its ``for`` wants; its worst value is beyond."""
    if state(view) is not ThresholdState.WARN:
        return False
    return view.margin is None or view.margin < 0  # without a margin no value is near the limit


def worst(view: ThresholdView) -> float | None:
    """Return the worst value that was seen."""
    return view.value if view.worst is None else view.worst


def sentence(view: ThresholdView, where: str = "") -> str:
    """Return what came of it: ``p95 < 800ms failed: 804 ms at step 2 (50 users)``."""
    place = f" at {where or view.where}" if where or view.where else ""
    match state(view):
        case ThresholdState.UNKNOWN:
            return f"{view.expression} was not judged{place}: {'too few' if view.samples else 'no'} samples"
        case ThresholdState.FAIL:
            verb = "failed, which only warns" if view.warns else "failed"
        case _:
            verb = "holds, broken only briefly" if is_beyond(view) else "holds"
    return f"{view.expression} {verb}: {_worst(view)}{place}"


def margin(view: ThresholdView) -> str:
    """Return what was left of the limit, in per cent: ``+20 %``."""
    return NOTHING if view.margin is None else f"{view.margin * 100:+,.0f} %".replace(",", " ")


def figures(view: ThresholdView) -> Iterator[tuple[str, str]]:
    """Yield everything that is known of it, each with its name."""
    yield "worst", _worst(view) + (f" at {view.where}" if view.where else "")
    if view.worst is not None and view.value != view.worst:
        yield "at the end", told(view.value, view.unit, view.limit)
    yield "limit", f"{view.operator} {told(view.limit, view.unit)}"
    if view.margin is not None:
        yield "margin", margin(view)
    if view.first_breach:
        yield "first breach", f"{clock(view.first_breach.utc)} UTC"
    if view.breaches:
        yield "breaches", number(view.breaches)
    if view.longest:
        yield "longest breach", longest(view)
    yield "samples", number(view.samples)


def longest(view: ThresholdView) -> str:
    """Return how long its longest breach lasted, in whole seconds as the verdict says it."""
    if not view.longest:
        return NOTHING
    return lasting(view.longest) if view.longest >= 1 else brief(view.longest)


def section(views: Sequence[ThresholdView]) -> str:
    """Return the table of thresholds; a column that says nothing of any of them is not there."""
    if not views:
        return ""
    columns: dict[str, Callable[[ThresholdView], str]] = {
        "Threshold": lambda view: code(view.expression),
        "State": _state,
        "Where": lambda view: prose(view.where) or NOTHING,
        "Worst": _worst,
        "At the end": lambda view: told(view.value, view.unit, view.limit),
        "Limit": lambda view: told(view.limit, view.unit),
        "Margin": margin,
        "First breach (UTC)": lambda view: clock(view.first_breach.utc) if view.first_breach else NOTHING,
        "Longest": longest,
        "Samples": lambda view: number(view.samples),
    }
    if not any(view.worst is not None and view.worst != view.value for view in views):
        del columns["At the end"]
    for name in ("Where", "Margin", "First breach (UTC)", "Longest"):
        if all(columns[name](view) == NOTHING for view in views):
            del columns[name]
    rows = [[cell(view) for cell in columns.values()] for view in views]
    return table(list(columns), rows, 3 if "Where" in columns else 2)


def _state(view: ThresholdView) -> str:
    if view.warns and state(view) is ThresholdState.FAIL:
        return "▲ warns"
    told = BRIEFLY if is_beyond(view) else STATES[state(view)]
    return told + (" (only warns)" if view.warns else "")


def _worst(view: ThresholdView) -> str:
    return told(worst(view), view.unit, view.limit)
