"""The step table: a row a level, with its own figures and verdict, made once when the level has ended."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.details import MOST_NAMES, Details
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.levels.steptable import MOST, StepTable
from rampdeck.model import Instant, RequestBatch, RequestStats, Step
from rampdeck.session import Item, Session
from rampdeck.snapshot import StepRow, Verdict

BEGAN = Instant(1_000_000.0, 1_000.0)


class Played:
    """A session that is fed as a run feeds it, a second at a time."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.session = Session({}, self.items.append)
        self.gate = Gate(["p95 < 100ms"])
        self.table = StepTable(self.session, self.gate)
        self.at = BEGAN

    def level(self, number: int, milliseconds: float, seconds: int = 5, names: int = 1) -> None:
        step = Step(number, number * 10, 5.0, "plan", self.at, f"stage {number}")
        self.session.append(step)
        step = replace(step, reached=self.at, measured_from=self.at)
        self.session.append(step)
        for _ in range(seconds):
            self.second(milliseconds, names)
        self.session.append(replace(step, ended=self.at))

    def second(self, milliseconds: float, names: int = 1) -> None:
        self.at = self.at.plus(1.0)
        entries = tuple(
            RequestStats("GET", f"/{name}", Histogram.of([milliseconds] * 30), Histogram())
            for name in range(names)
        )
        self.session.append(RequestBatch(self.at, 1.0, 10, entries))
        self.gate.observe(self.at, self.session)

    def rows(self) -> tuple[StepRow, ...]:
        self.gate.observe(self.at, self.session)
        return self.table.rows()


def test_each_level_has_its_own_figures_and_verdict() -> None:
    played = Played()
    played.level(1, 20.0)
    played.level(2, 300.0)
    quick, slow = played.rows()
    assert (quick.step.stage, quick.figures.requests, quick.verdict) == ("stage 1", 150, Verdict.PASS)
    assert (slow.step.users, slow.figures.seconds, slow.verdict) == (20, 5.0, Verdict.FAIL)
    assert slow.figures.p999 == slow.figures.p50 == slow.figures.highest


def test_the_last_second_of_a_level_still_counts_in_its_verdict() -> None:
    played = Played()
    step = Step(1, 10, 5.0, "key", played.at)
    played.session.append(replace(step, reached=played.at, measured_from=played.at))
    played.second(20.0)
    assert played.rows()[0].verdict is Verdict.PASS
    late = RequestStats("GET", "/0", Histogram.of([900.0] * 30), Histogram())
    played.session.append(RequestBatch(played.at.plus(0.5), 0.5, 10, (late,)))
    played.session.append(replace(step, reached=played.at, measured_from=played.at, ended=played.at))
    played.table.rows()  # the screen looks before the gate does
    assert played.rows()[0].verdict is Verdict.FAIL
    assert played.rows()[0].verdict is Verdict.FAIL


def test_a_level_that_has_ended_is_worked_out_once() -> None:
    played = Played()
    played.level(1, 20.0)
    played.rows()
    first = played.rows()[0]
    played.level(2, 20.0)
    assert played.rows()[0] is first


def test_only_the_newest_levels_are_shown() -> None:
    played = Played()
    for number in range(1, MOST + 31):
        played.session.append(Step(number, 1, 1.0, "shape", played.at))
        played.session.append(Step(number, 1, 1.0, "shape", played.at, ended=played.at))
        if number % 7 == 0:
            played.rows()
    rows = played.rows()
    assert [row.step.number for row in rows] == list(range(31, MOST + 31))
    assert [row.step.number for row in played.rows()] == list(range(31, MOST + 31))


def test_a_mark_may_come_when_the_level_has_ended() -> None:
    played = Played()
    played.level(1, 20.0)
    played.level(2, 20.0)
    assert played.rows()[0].marks == ()
    marks = {1: ("Nginx saw 3 requests more",)}
    assert [row.marks for row in played.table.rows(marks=marks)] == [("Nginx saw 3 requests more",), ()]
    assert played.rows()[0].marks == ()


def test_a_replay_of_the_same_items_gives_the_same_rows() -> None:
    played = Played()
    played.level(1, 20.0)
    played.level(2, 300.0)
    again = Played()
    for item in played.items:
        again.session.append(item)
        if isinstance(item, RequestBatch):
            again.gate.observe(item.at, again.session)
    assert again.rows() == played.rows()


def test_the_details_of_a_level_have_every_percentile_and_its_names() -> None:
    played = Played()
    played.level(1, 20.0, names=MOST_NAMES + 5)
    details = Details(played.session).step(1)
    assert details is not None
    assert details.measured is not None
    assert details.measured.spreads.all.p9999 == details.measured.figures.highest == 20.0
    assert (len(details.requests), details.left_out) == (MOST_NAMES, 5)
    assert Details(played.session).step(2) is None


def test_a_level_that_was_not_measured_says_so() -> None:
    played = Played()
    played.session.append(Step(1, 10, 5.0, "key", played.at, ended=played.at.plus(1)))
    details = Details(played.session).step(1)
    assert details is not None
    assert details.measured is None


def test_a_request_is_told_now_at_this_level_and_in_the_whole_run() -> None:
    played = Played()
    played.level(1, 20.0, seconds=20)
    step = Step(2, 20, 5.0, "plan", played.at, reached=played.at, measured_from=played.at)
    played.session.append(step)
    for _ in range(3):
        played.second(50.0)
    spans = Details(played.session).request("GET", "/0").spans
    assert [(span.title, span.figures.requests) for span in spans] == [
        ("last 10 s", 300),
        ("step 2, 20 users", 90),
        ("whole run", 690),
    ]
    assert Details(played.session).request("GET", "/never").spans == ()
