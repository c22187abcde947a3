"""Which 499s of Nginx come from requests that we cut off."""

from __future__ import annotations

from rampdeck.histogram import Histogram
from rampdeck.model import Instant, RequestBatch, RequestStats, Sample
from rampdeck.ours import EARLY, WINDOW, Ours

BEGAN = Instant(1_795_350_060.0, 1_000.0)


def kills(second: float, killed: int, unsent: int = 0) -> RequestBatch:
    stats = RequestStats("GET", "/", Histogram(), Histogram(), killed=killed, unsent=unsent)
    return RequestBatch(BEGAN.plus(second), 1.0, 5, (stats,))


def closed(second: float, count: int, source: str = "nginx@web") -> Sample:
    return Sample(BEGAN.plus(second), source, {"requests": 100.0, "499": float(count)})


def split(ours: Ours, sample: Sample) -> tuple[float, float]:
    values = ours.split(sample)
    assert values["requests"] == 100.0
    return values["499_ours"], values["499"]


def test_as_many_as_were_cut_off_are_ours_and_the_rest_is_not() -> None:
    ours = Ours()
    assert split(ours, closed(0.5, 2)) == (0, 2)
    ours.take(kills(5.0, 10))
    assert split(ours, closed(5.2, 7)) == (7, 0)
    assert split(ours, closed(6.2, 5)) == (3, 2)
    assert split(ours, closed(7.2, 1)) == (0, 1)
    assert ours.counted == {"nginx@web": 10}


def test_those_that_come_long_after_the_kill_are_somebody_elses() -> None:
    ours = Ours()
    ours.take(kills(5.0, 10))
    assert split(ours, closed(5.0 + WINDOW + 0.1, 4)) == (0, 4)


def test_a_499_that_is_read_before_the_second_of_its_kill_is_over_becomes_ours() -> None:
    ours = Ours()
    assert split(ours, closed(4.8, 3)) == (0, 3)
    ours.take(kills(5.0, 2))
    assert ours.counted == {"nginx@web": 2}
    ours.take(kills(7.0, 5))
    assert ours.counted == {"nginx@web": 2}, "the third one came before that second began"


def test_an_early_499_waits_no_longer_than_it_can_have_to() -> None:
    ours = Ours()
    split(ours, closed(1.0, 3))
    split(ours, closed(1.0 + EARLY + 0.5, 0))
    ours.take(kills(6.0, 9))
    assert not ours.counted


def test_who_was_cut_off_while_connecting_leaves_no_499() -> None:
    ours = Ours()
    ours.take(kills(5.0, 4, unsent=3))
    assert split(ours, closed(5.5, 4)) == (1, 3)


def test_two_hosts_share_the_kills() -> None:
    ours = Ours()
    ours.take(kills(5.0, 4))
    assert split(ours, closed(5.5, 3, "nginx@a")) == (3, 0)
    assert split(ours, closed(5.6, 3, "nginx@b")) == (1, 2)
    assert ours.counted == {"nginx@a": 3, "nginx@b": 1}


def test_a_source_without_499s_is_left_as_it_is() -> None:
    sample = Sample(BEGAN, "nginx@web", {"error_lines": 1.0})
    assert Ours().split(sample) is sample.values
