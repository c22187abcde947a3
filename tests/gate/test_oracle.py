"""The judge beside a naive one that keeps every request and works all out from the beginning each time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from rampdeck.gate.threshold import OPERATORS
from rampdeck.model import STALE
from rampdeck.snapshot import ThresholdState, ThresholdView
from tests.gate.helpers import Load

PASS, WARN, FAIL, UNKNOWN = ThresholdState
START = 50.0
"""When a :class:`Load` begins, by the monotonic clock."""


@dataclass
class Naive:
    """What a threshold comes to by its values, one after the other; ``None``: it cannot be judged then."""

    operator: str
    limit: float
    patience: float
    worst: float | None = None
    counted: bool = False
    first: float | None = None
    longest: float = 0.0
    breaches: int = 0
    state: ThresholdState = UNKNOWN
    _run: list[tuple[float, float]] = field(default_factory=list)

    def bad(self, value: float) -> float:
        return value if self.operator[0] == "<" else -value

    def take(self, at: float, value: float | None) -> None:
        if value is None:
            self._run, self.state = [], UNKNOWN
            return
        holds = OPERATORS[self.operator](value, self.limit)
        counted = bool(self._run) and self._run[-1][0] - self._run[0][0] >= self.patience
        if holds:
            if counted:
                self.longest = max(self.longest, at - self._run[0][0])
            self._run, self.state = [], PASS
            self._see([value], False)
            return
        self._run.append((at, value))
        lasted = at - self._run[0][0]
        if lasted < self.patience:
            self.state = WARN
            self._see([value], False)
            return
        self.state = FAIL
        self.breaches += not counted
        self.first = self._run[0][0] if self.first is None else self.first
        self.longest = max(self.longest, lasted)
        self._see([value for _, value in self._run], True)

    def _see(self, values: Sequence[float], counts: bool) -> None:
        if counts and not self.counted:
            self.worst, self.counted = None, True
        if counts or not self.counted:
            known = [] if self.worst is None else [self.worst]
            self.worst = max([*known, *values], key=self.bad)


def agree(view: ThresholdView, naive: Naive) -> None:
    """Hold what the judge says against what the naive one does; figures are up to 1 % off."""
    assert view.failed == naive.counted
    assert view.breaches == naive.breaches
    assert view.longest == (naive.longest if naive.counted else 0.0)
    assert (view.first_breach and view.first_breach.mono) == naive.first
    assert (view.worst is None) == (naive.worst is None)
    if view.worst is not None and naive.worst is not None:
        assert math.isclose(view.worst, naive.worst, rel_tol=0.011, abs_tol=1e-9)


# -- windows over requests

TIMES = (20.0, 50.0, 200.0, 900.0)
METRICS = {
    "p50": ("< 100ms", "<", 100.0),
    "p95": ("<= 500ms", "<=", 500.0),
    "mean": ("< 150ms", "<", 150.0),
    "min": ("< 40ms", "<", 40.0),
    "max": ("< 500ms", "<", 500.0),
    "error_rate": ("< 10%", "<", 10.0),
    "rps": (">= 9", ">=", 9.0),
    "requests": (">= 40", ">=", 40.0),
    "failures": ("< 4", "<", 4.0),
}


@dataclass(frozen=True)
class Second:
    """A batch: how long it took, the times of what was answered, how many of these failed; or a turn."""

    length: float
    times: tuple[float, ...]
    failed: int
    turn: str


def figure(metric: str, batches: Sequence[Second]) -> float | None:
    """Return a figure of some batches as the gate's documentation has it; ``None`` where it is not judged."""
    times = sorted(time for batch in batches for time in batch.times)
    failed = sum(min(batch.failed, len(batch.times)) for batch in batches)
    seconds = sum(batch.length for batch in batches)
    if metric in ("rps", "requests"):
        return len(times) / (seconds if metric == "rps" else 1.0)
    if metric == "failures":
        return float(failed) if times else None
    if len(times) < 10:
        return None
    match metric:
        case "p50" | "p95":
            return times[math.ceil(len(times) * int(metric[1:]) / 100) - 1]
        case "mean":
            return sum(times) / len(times)
        case "error_rate":
            return 100 * failed / len(times)
        case _:
            return times[0] if metric == "min" else times[-1]


SECONDS = st.lists(
    st.builds(
        Second,
        length=st.sampled_from((1.0, 1.0, 1.0, 0.25, 3.0)),
        times=st.lists(st.sampled_from(TIMES), max_size=14).map(tuple),
        failed=st.integers(0, 2),
        turn=st.sampled_from(("",) * 12 + ("level", "ramp", "stop")),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=120, deadline=None)
@given(
    seconds=SECONDS,
    metric=st.sampled_from(sorted(METRICS)),
    over=st.sampled_from((1, 3, 5, 10)),
    patience=st.sampled_from((0, 2, 6)),
)
def test_a_window_is_judged_as_by_all_that_came_in_it(
    seconds: list[Second], metric: str, over: int, patience: int
) -> None:
    written, operator, limit = METRICS[metric]
    load = Load(f"{metric} {written} over {over}s" + (f" for {patience}s" if patience else ""))
    naive = Naive(operator, limit, patience)
    since: list[Second] = []
    running = False
    for second in seconds:
        if second.turn == "stop":
            load.end()
            running = False
        elif second.turn or not running:
            (load.ramp if second.turn == "ramp" else load.level)(10)
            if not running:
                since = []
                naive.take(load.at.mono, None)
            running = True
        load.batch(second.length, second.times[second.failed :], second.times[: second.failed])
        if not running:
            continue
        since.append(second)
        window: list[Second] = []
        while len(window) < len(since) and sum(one.length for one in window) < over - 0.5:
            window.insert(0, since[len(since) - len(window) - 1])
        full = sum(one.length for one in window) >= over - 0.5
        value = figure(metric, window) if full else None
        if value == 0.0 and metric in ("rps", "requests") and OPERATORS[operator](0.0, limit):
            value = None
        naive.take(load.at.mono, value)
        (view,) = load.gate.views
        if naive.state is not PASS:
            assert view.state is naive.state
        else:
            assert view.state in (PASS, WARN)
    (view,) = load.gate.outcome()
    agree(view, naive)


# -- samples of sources


@settings(max_examples=120, deadline=None)
@given(
    every=st.sampled_from((1.0, 2.0, 10.0)),
    said=st.lists(
        st.tuples(st.sampled_from((20.0, 50.0, 79.0, 95.0, 99.0)), st.sampled_from((0, 0, 0, 0, 0, 1))),
        min_size=1,
        max_size=60,
    ),
    patience=st.sampled_from((0, 3, 15, 30)),
)
def test_samples_are_judged_as_by_all_that_was_said(
    every: float, said: list[tuple[float, int]], patience: int
) -> None:
    """Of a source that says something each second or each tenth, with gaps in between."""
    load = Load("host.cpu < 80%" + (f" for {patience}s" if patience else ""))
    load.source("host@web")
    load.level(10)
    naive = Naive("<", 80.0, patience)
    regular = 0
    for number, (value, gap) in enumerate(said):
        if gap and regular > 2:
            load.pause(every + STALE + 20.0)
            naive.take(load.at.mono, None)
            regular = 0
        elif number:
            load.pause(every)
            if number == 1 and every > STALE + 1.0:
                naive.take(load.at.mono, None)  # that it is this slow is not known yet
        regular += 1
        load.says("host@web", cpu=value)
        naive.take(load.at.mono, value)
    load.end()
    (view,) = load.gate.outcome(final=True)
    agree(view, naive)


@settings(max_examples=120, deadline=None)
@given(
    every=st.sampled_from((1.0, 2.0, 5.0)),
    said=st.lists(st.sampled_from((0.0, 0.0, 1.0, 6.0)), min_size=1, max_size=40),
    over=st.sampled_from((5, 10, 20)),
)
def test_a_windows_rate_is_what_came_in_it_by_the_seconds_it_took(
    every: float, said: list[float], over: int
) -> None:
    load = Load(f"nginx.5xx < 2 over {over}s")
    load.source("nginx@web")
    load.level(10)
    naive = Naive("<", 2.0, 0.0)
    first = load.at.mono
    for number, rate in enumerate(said):
        if number:
            load.pause(every)
        load.says("nginx@web", _5xx=rate)
        if number == 1 and every > STALE + 1.0:
            first = load.at.mono  # what was said before is behind a gap, as far as anybody knows
        begun = number if first == START else number - 1
        kept = min(begun + 1, max(1, math.ceil((over - 0.5) / every)))
        # The first sample stands for a second: how often it comes is not known by then.
        covered = (kept - 1) * every + (every if kept <= begun else 1.0)
        part = said[number + 1 - kept : number + 1]
        weights = [1.0 if kept == begun + 1 and not place else every for place in range(kept)]
        mean = sum(w * one for w, one in zip(weights, part, strict=True)) / sum(weights)
        naive.take(load.at.mono, mean if covered >= over - 0.5 else None)
    (view,) = load.gate.outcome()
    agree(view, naive)
