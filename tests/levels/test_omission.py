"""Coordinated omission: what a stall hid is put back, no more and no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.histogram import Histogram, bucket_of
from rampdeck.levels.omission import Schedule

PERIOD = 0.125
QUICK = 2**-7
FAR = 0.000_001


class Server:
    """A simulated server: quick, but for stalls in which every answer waits for the stall's end."""

    def __init__(self, *stalls: tuple[float, float]) -> None:
        self.stalls = stalls

    def answer(self, sent: float) -> float:
        """Return when a request that was sent then is answered."""
        for begin, end in self.stalls:
            if begin <= sent < end:
                return end + QUICK
        return sent + QUICK


def open_model(server: Server, seconds: float) -> Histogram:
    """What clients measure who ask each period, whether or not answers come."""
    starts = (number * PERIOD for number in range(round(seconds / PERIOD)))
    return Histogram.of((server.answer(sent) - sent) * 1000 for sent in starts)


def paced_user(server: Server, seconds: float) -> tuple[Histogram, Histogram]:
    """What one user with Locust's pacing measures, and that corrected."""
    measured, corrected = Histogram(), Histogram()
    schedule, now = Schedule(PERIOD, 0.0), 0.0
    while now < seconds - FAR:
        ended = server.answer(now)
        measured.record((ended - now) * 1000)
        schedule.request(ended, (ended - now) * 1000, corrected)
        wait = max(0.0, PERIOD - (ended - now))
        schedule.iterated(ended, wait)
        now = ended + wait
    return measured, corrected


def test_one_stall_of_two_seconds_is_seen_as_clients_that_do_not_wait_would_have_seen_it() -> None:
    server = Server((10.0, 12.0))
    truth = open_model(server, 60)
    measured, corrected = paced_user(server, 60)
    # The user sent a single request into the stall; sixteen were due.
    assert measured.percentile(99) == pytest.approx(QUICK * 1000, rel=0.01)
    assert truth.percentile(99) == pytest.approx(1_508, rel=0.02)
    for percent in (50, 95, 97, 98, 99, 99.5, 100):
        assert corrected.percentile(percent) == pytest.approx(truth.percentile(percent), rel=0.02, abs=20)
    assert corrected.mean == pytest.approx(truth.mean, rel=0.02)
    assert corrected.count == truth.count


@given(st.lists(st.tuples(st.floats(0.02, 3.0), st.floats(0.001, 4.0)), min_size=1, max_size=6))
def test_whatever_stalls_come_each_intended_start_is_counted_once(pairs: list[tuple[float, float]]) -> None:
    stalls, at = [], 0.0
    for calm, length in pairs:
        stalls.append((at + calm, at + calm + length))
        at += calm + length
    server, seconds = Server(*stalls), at + 5.0
    truth = open_model(server, seconds)
    _, corrected = paced_user(server, seconds)
    # A stall may begin before a start of one client and after that of the other: one start each.
    assert corrected.count == pytest.approx(truth.count, abs=1 + len(stalls))
    assert corrected.highest <= max(length for _, length in pairs) * 1000 + PERIOD * 1000 + 3 * QUICK * 1000
    starts_off = (1 + 2 * len(stalls)) * max(1.0, corrected.highest)
    assert abs(corrected.total - truth.total) <= starts_off


def test_a_user_that_keeps_its_pace_is_not_corrected() -> None:
    measured, corrected = paced_user(Server(), 30)
    assert corrected == measured


def test_an_iteration_of_several_requests_is_corrected_where_the_answer_was_late() -> None:
    schedule, login, page = Schedule(1.0, 0.0), Histogram(), Histogram()
    assert schedule.request(0.2, 200, login) == 0
    # Sent at 0.5 s, answered at 4.7 s: iterations were due at 1, 2 and 3 s; that of 4 s is only late.
    assert schedule.request(4.7, 4_200, page) == 3
    assert schedule.iterated(4.75, 0.0) == (4.75, 3.75)
    assert (login.count, page.count) == (1, 4)
    assert page.total == pytest.approx(4_200 + 3_700 + 2_700 + 1_700)
    schedule.request(4.95, 200, login)
    assert login.highest == pytest.approx(200 + 700)
    schedule.request(5.0, 50, page)
    assert page.lowest == pytest.approx(50)


def test_time_that_the_task_itself_takes_is_not_the_servers() -> None:
    schedule, times = Schedule(0.1, 0.0), Histogram()
    schedule.request(0.02, 20, times)
    schedule.iterated(3.0, 0.0)  # computed, or was held up, for three seconds
    schedule.request(3.02, 20, times)
    assert (times.count, times.highest) == (2, 20)


def test_an_answer_that_waited_in_the_generator_is_not_late() -> None:
    schedule, times = Schedule(0.1, 0.0), Histogram()
    # 20 ms on the wire, and then two seconds until this process came to read it.
    schedule.request(2.0, 20, times)
    assert times.total <= 20 + 20


def test_one_stall_is_charged_once_and_not_to_the_whole_run() -> None:
    _, corrected = paced_user(Server((1.0, 1.7)), 30)
    # Due at 1.0 ... 1.625 s: one was sent, four were not, and one was sent late.
    assert sum(count for bucket, count in corrected.buckets.items() if bucket > bucket_of(30)) == 6


def test_a_stall_of_ten_minutes_at_a_pace_of_a_millisecond_costs_little() -> None:
    schedule, times = Schedule(0.001, 0.0), Histogram()
    recorded = schedule.request(600.0, 600_000, times)
    assert recorded == 599_999
    assert len(times.buckets) < 900
    assert times.percentile(50) == pytest.approx(300_000, rel=0.011)
    assert times.mean == pytest.approx(300_000, rel=0.001)
