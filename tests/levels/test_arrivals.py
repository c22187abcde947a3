"""Asked and achieved: what the screen, the doubts and the record say of users with a pace."""

from __future__ import annotations

import pytest

from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.model import Instant, Pace, RequestBatch, RequestStats, Step
from rampdeck.record.conclude import Matter, result_of
from rampdeck.record.json import to_json
from rampdeck.record.markdown import markdown
from rampdeck.record.result import Result
from rampdeck.session import Session
from rampdeck.snapshot import PaceView
from rampdeck.trust import Trust

NOW = Instant(1_795_350_060.0, 10.0)


class Level:
    """A measured level of 50 users who are to begin one iteration a second each."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        self.trust = Trust()
        self.session.append(Step(1, 50, 5.0, "key", NOW, "", NOW, NOW))

    def second(
        self,
        begun: int,
        *,
        took: float = 0.2,
        lost: float = 0.0,
        times: tuple[float, ...] = (20.0,) * 50,
        filled: tuple[float, ...] = (),
        unknown: int = 0,
    ) -> None:
        """Let a second pass in which so many iterations began, of ``took`` seconds each."""
        stats = RequestStats(
            "GET", "/", Histogram.of(times), Histogram(), corrected=Histogram.of(times + filled)
        )
        pace = Pace(
            50.0,
            50.0,
            begun,
            lost,
            begun,
            begun * took,
            len(times),
            len(filled),
            unknown,
            Histogram.of([2.0]),
        )
        self.session.append(RequestBatch(NOW, 1.0, 50, (stats,), pace))
        self.trust.observe(self.session, 1.0)

    def now(self) -> PaceView:
        window = self.session.book.window
        view = window.pace.view(window.seconds)
        assert view is not None
        return view

    @property
    def doubts(self) -> list[str]:
        return list(self.trust.doubts())

    def result(self) -> Result:
        matter = Matter("open", "http://127.0.0.1", doubts=self.doubts)
        return result_of(self.session, Gate(["p95 < 800ms"]), matter, NOW)


@pytest.fixture
def level() -> Level:
    return Level()


def test_a_rate_that_is_kept_raises_no_doubt(level: Level) -> None:
    for begun in (50, 49, 51, 50, 50) * 4:
        level.second(begun)
    assert (level.now().asked, level.now().achieved, level.now().short) == (50.0, 50.0, False)
    assert level.doubts == []


def test_a_rate_that_is_missed_says_how_many_users_it_takes(level: Level) -> None:
    for _ in range(30):
        level.second(41, took=1.22, lost=9.0)
    assert level.now().short
    assert level.doubts == [
        "step 1 (50 users): asked 50.0 iterations/s, achieved 41.0/s: users too few for this pace: "
        "an iteration took 1.22 s on average, so it needs at least 61 users, not 50, each at a longer period"
    ]
    result = level.result()
    assert (result.steps[0].asked, result.steps[0].achieved) == (50.0, 41.0)
    step = to_json(result)["steps"][0]
    assert (step["asked"], step["achieved"]) == (50.0, 41.0)


def test_users_who_get_no_answer_at_all_are_a_doubt_too(level: Level) -> None:
    for _ in range(30):
        level.second(0, times=())
    assert level.doubts == [
        "step 1 (50 users): asked 50.0 iterations/s, achieved 0.0/s: "
        "hardly any iteration of its 50 users came to an end"
    ]


def test_a_span_that_cuts_an_iteration_off_is_no_evidence(level: Level) -> None:
    level.second(10)
    assert not level.now().short
    assert level.doubts == []


def test_a_miss_leaves_the_window_but_not_its_level(level: Level) -> None:
    for _ in range(10):
        level.second(20, took=2.0, lost=30.0)
    assert level.now().short
    for _ in range(20):
        level.second(50)
    assert not level.now().short
    (doubt,) = level.doubts
    assert "achieved 40.0/s" in doubt
    assert "but many outlasted their period" in doubt


def test_the_record_explains_corrected_times_where_they_differ(level: Level) -> None:
    for _ in range(20):
        level.second(50)
    level.second(50, times=(20.0,) * 49 + (2_000.0,), filled=tuple(1_900.0 - 100 * n for n in range(18)))
    asked, why = level.result().pacing
    assert asked == (
        "step 1: asked 50.0 iterations/s, achieved 50.0/s, iterations began late by 2.0 ms (p95)"
    )
    assert why.startswith("step 1: corrected p99 1")
    assert (
        "measured 20 ms: while answers were late, 18 requests that the pace asked for were never sent" in why
    )
    written = markdown(level.result())
    assert "## Pace\n\n- step 1: asked 50.0 iterations/s" in written
    assert "(coordinated omission)" in written
    assert to_json(level.result())["pacing"] == [asked, why]


def test_the_record_is_silent_where_correction_changes_nothing(level: Level) -> None:
    level.second(50, times=(20.0,) * 50, filled=(20.0,))
    (asked,) = level.result().pacing
    assert "corrected" not in asked


def test_requests_whose_user_is_not_known_are_told(level: Level) -> None:
    level.second(50, unknown=7)
    assert level.result().pacing[-1].startswith("7 requests came from greenlets that a task started")


def test_without_a_pace_nothing_is_said_of_it() -> None:
    level = Level()
    level.session.append(RequestBatch(NOW, 1.0, 50, ()))
    assert level.session.book.window.pace.view(1.0) is None
    assert level.result().pacing == ()
    assert "## Pace" not in markdown(level.result())
