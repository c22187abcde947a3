"""Counting requests: all of them, under names that cannot fill the memory."""

from __future__ import annotations

import pytest
from locust.env import Environment
from locust.event import Events

from rampdeck.engine.recorder import MOST_ERRORS, MOST_NAMES, MOST_TEXT, OTHER_ERRORS, Recorder
from rampdeck.model import OTHER_NAMES


class Site:
    """An environment whose requests are fired as Locust's clients do."""

    def __init__(self) -> None:
        self.environment = Environment(events=Events())
        self.recorder = Recorder(self.environment)

    def asked(self, name: str, *, method: str = "GET", error: BaseException | str | None = None) -> None:
        self.environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=12.0,
            response_length=3,
            exception=error,
            context={},
        )


@pytest.fixture
def site() -> Site:
    return Site()


def test_successes_and_failures_are_counted_apart_and_taken_once(site: Site) -> None:
    site.asked("/")
    site.asked("/", error="500")
    site.asked("/", error=ValueError("no token"))
    (stats,) = site.recorder.take()
    assert (stats.successes.count, stats.failures.count, stats.bytes) == (1, 2, 9)
    assert stats.errors == {"500": 1, "no token": 1}
    assert site.recorder.take() == ()


def test_names_without_end_share_one_and_no_request_is_lost(site: Site) -> None:
    for number in range(MOST_NAMES + 200):
        assert not site.recorder.overflowed or number >= MOST_NAMES
        site.asked(f"/orders/{number}")
        site.asked("/orders/0")
    assert site.recorder.overflowed
    counted = {stats.name: stats.successes.count for stats in site.recorder.take()}
    assert len(counted) == MOST_NAMES + 1
    assert counted[OTHER_NAMES] == 200
    assert counted["/orders/0"] == MOST_NAMES + 201


def test_methods_without_end_are_no_way_around_it(site: Site) -> None:
    for number in range(MOST_NAMES + 50):
        site.asked("/", method=f"M{number}")
    assert len(site.recorder.take()) == MOST_NAMES + 1


def test_a_name_keeps_its_place_in_later_seconds(site: Site) -> None:
    site.asked("/early")
    site.recorder.take()
    for number in range(MOST_NAMES + 5):
        site.asked(f"/{number}")
    site.recorder.take()
    site.asked("/early")
    assert [stats.name for stats in site.recorder.take()] == ["/early"]


def test_an_endless_name_is_cut(site: Site) -> None:
    site.asked("/search?q=" + "x" * 1_000_000)
    site.asked("/search?q=" + "x" * 1_000_000)
    (stats,) = site.recorder.take()
    assert (len(stats.name), stats.successes.count) == (MOST_TEXT, 2)


def test_errors_that_differ_each_time_are_capped_and_addresses_do_not_make_them_differ(site: Site) -> None:
    for number in range(MOST_ERRORS + 30):
        site.asked("/", error=f"order {number} not found")
        site.asked("/same", error=f"<Pool at 0x7f{number:04x}> is full")
    of = {stats.name: stats.errors for stats in site.recorder.take()}
    assert of["/same"] == {"<Pool at 0x…> is full": MOST_ERRORS + 30}
    assert (len(of["/"]), of["/"][OTHER_ERRORS]) == (MOST_ERRORS + 1, 30)


def test_exceptions_of_the_scenario_are_counted_by_type_and_text(site: Site) -> None:
    for error in (KeyError("csrf"), KeyError("csrf"), ValueError("csrf")):
        site.environment.events.user_error.fire(user_instance=None, exception=error, tb=None)
    assert site.recorder.exceptions == {"KeyError: 'csrf'": 2, "ValueError: csrf": 1}


@pytest.mark.parametrize(
    ("time", "length"), [(float("inf"), 1), (float("nan"), 1), (1.0, 2**70), (1.0, float("inf")), (1.0, -5)]
)
def test_what_no_client_can_have_seen_breaks_no_figure(time: float, length: float) -> None:
    environment = Environment()
    recorder = Recorder(environment)
    for how in ((time, length), (5.0, 7)):
        environment.events.request.fire(
            request_type="GET", name="/", response_time=how[0], response_length=how[1], exception=None
        )
    (stats,) = recorder.take()
    recorder.close()
    assert stats.successes.highest == 5.0
    assert stats.bytes <= 8
