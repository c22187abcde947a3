"""What became another system while the load ran: what counts as one change, and when it counts."""

from __future__ import annotations

from typing import Any

import pytest

from rampdeck.changes import MOST, sentences
from rampdeck.model import Event, EventKind, Instant, Sample, Severity, SourceInfo, Step
from rampdeck.session import Session

BEGAN = Instant(1_000_000.0, 10.0)
"""13:46:40 UTC."""


class Load:
    """A session whose load has begun, and what its sources say; seconds are those since then."""

    def __init__(self) -> None:
        self.session = Session({}, lambda _: None)
        for kind in ("gunicorn", "uvicorn", "nginx", "postgres", "host", "clock"):
            self.session.append(SourceInfo.of(kind, "web"))
        self.session.append(SourceInfo.of("generator"))
        self.goes_on()

    def goes_on(self, second: float = 0.0) -> None:
        self.session.append(Step(1, 10, 5.0, "key", BEGAN.plus(second)))

    def ends(self, second: float) -> None:
        self.session.append(Step(1, 10, 5.0, "key", BEGAN, ended=BEGAN.plus(second)))

    def says(self, kind: str, signal: str, second: float, sent: float | None = None, **fields: str) -> None:
        host = "local" if kind == "generator" else "web"
        self.session.append(
            Event(
                BEGAN.plus(second),
                f"{kind}@{host}",
                EventKind.LOG,
                Severity.NOTICE,
                signal,
                None if sent is None else BEGAN.utc + sent,
                {"signal": signal, **fields},
            )
        )

    @property
    def told(self) -> list[str]:
        changes = self.session.changes
        return list(sentences(changes.told, changes.left_out))


@pytest.mark.parametrize(
    ("kind", "signal", "fields", "sentence"),
    [
        ("gunicorn", "starting", {}, "gunicorn@web was started"),
        ("gunicorn", "reloading", {}, "gunicorn@web was reloaded"),
        ("gunicorn", "config_changed", {"signal_name": "hup"}, "gunicorn@web was reloaded"),
        ("gunicorn", "config_changed", {"signal_name": "ttin"}, "gunicorn@web got more workers"),
        ("uvicorn", "config_changed", {"signal_name": "TTOU"}, "uvicorn@web got fewer workers"),
        ("gunicorn", "config_changed", {"signal_name": "usr2"}, "gunicorn@web was upgraded without a stop"),
        ("uvicorn", "booting", {"because": "restart"}, "uvicorn@web was restarted"),
        ("nginx", "config_changed", {}, "nginx@web was reloaded"),
        ("postgres", "restarted", {}, "postgres@web was restarted"),
        ("postgres", "failed_over", {}, "postgres@web failed over"),
        ("host", "rebooted", {}, "web was rebooted"),
    ],
)
def test_what_changed_is_named_with_its_time(
    kind: str, signal: str, fields: dict[str, Any], sentence: str
) -> None:
    load = Load()
    load.says(kind, signal, 30, **fields)
    assert load.told == [f"{sentence} at 13:47:10 UTC: before and after is not one system"]


@pytest.mark.parametrize(
    ("kind", "signal", "fields"),
    [
        ("gunicorn", "worker_timeout", {"worker": "7"}),
        ("gunicorn", "worker_restarted", {"because": "worker_timeout"}),
        ("gunicorn", "booting", {"because": "recycling"}),
        ("gunicorn", "handling_signal", {"signal_name": "usr1"}),
        ("nginx", "signalled", {}),
        ("postgres", "deadlocks", {}),
    ],
)
def test_a_worker_that_died_or_took_its_turn_and_a_log_that_is_reopened_are_no_change(
    kind: str, signal: str, fields: dict[str, Any]
) -> None:
    load = Load()
    load.says(kind, signal, 30, **fields)
    assert load.told == []


def test_all_that_a_reload_says_is_one_change() -> None:
    load = Load()
    load.says("gunicorn", "config_changed", 30, signal_name="hup")
    load.says("gunicorn", "reloading", 30.1)
    # Nginx starts its workers when it is reloaded as well.
    load.says("nginx", "config_changed", 40)
    load.says("nginx", "starting", 40.1)
    assert [sentence.split(":")[0] for sentence in load.told] == [
        "gunicorn@web was reloaded at 13",
        "nginx@web was reloaded at 13",
    ]


def test_a_start_after_a_stop_is_a_restart_even_if_the_stop_took_its_time() -> None:
    load = Load()
    load.says("gunicorn", "stopping", 30)
    assert "was stopped at" in load.told[0]
    load.says("gunicorn", "starting", 62)
    assert load.told == ["gunicorn@web was restarted at 13:47:10 UTC: before and after is not one system"]


def test_changes_of_one_sort_are_one_sentence_with_the_first_and_the_last() -> None:
    load = Load()
    for second in (0, 30, 60):
        load.says("nginx", "config_changed", second)
    assert load.told == [
        "nginx@web was reloaded 3 times from 13:46:40 UTC to 13:47:40 UTC: before and after is not one system"
    ]


def test_what_was_before_the_load_or_after_it_is_no_change() -> None:
    load = Load()
    load.says("gunicorn", "starting", 5, sent=-60)  # a line that was read late
    load.says("gunicorn", "starting", 5, before="start")
    load.ends(60)
    load.says("gunicorn", "stopping", 61)
    assert load.told == []
    load.says("nginx", "config_changed", 61, sent=59.5)
    assert load.told == ["nginx@web was reloaded at 13:47:39 UTC: before and after is not one system"]


def test_what_was_between_two_loads_of_one_session_is_a_change() -> None:
    load = Load()
    load.ends(60)
    load.says("gunicorn", "stopping", 70)
    load.says("gunicorn", "starting", 75)
    load.goes_on(90)
    assert load.told == ["gunicorn@web was restarted at 13:47:50 UTC: before and after is not one system"]


def test_a_line_counts_at_its_time_by_our_clock_not_by_its_hosts() -> None:
    load = Load()
    load.session.append(Sample(BEGAN, "clock@web", {"offset": 3_600_000.0, "error": 1.0}))
    load.says("gunicorn", "reloading", 30.5, sent=3_630)
    assert load.told == ["gunicorn@web was reloaded at 13:47:10 UTC: before and after is not one system"]


def test_a_clock_that_was_set_says_what_that_means() -> None:
    load = Load()
    load.says("generator", "clock_step", 30)
    load.says("clock", "step", 31)
    assert load.told == [
        "this machine's clock was set at 13:47:10 UTC: times before and after do not fit together",
        "the clock of web was set at 13:47:11 UTC: times before and after do not fit together",
    ]


def test_a_clock_that_was_set_back_to_before_the_load_hides_nothing() -> None:
    load = Load()
    event = Event(
        Instant(BEGAN.utc - 3_600, BEGAN.mono + 30),
        "generator@local",
        EventKind.LOG,
        Severity.WARNING,
        "this machine's clock was set back",
        fields={"signal": "clock_step"},
    )
    load.session.append(event)
    assert len(load.told) == 1


def test_a_server_that_restarts_for_ever_is_counted_to_the_end() -> None:
    load = Load()
    for number in range(MOST + 950):
        load.says("postgres", "restarted", 20.0 * number)
    assert len(load.session.changes.told) == MOST
    (sentence,) = load.told
    assert sentence.startswith("postgres@web was restarted 1000 times from 13:46:40 UTC to ")


def test_what_never_comes_to_rest_is_not_one_change_for_ever() -> None:
    load = Load()
    for second in range(0, 60, 3):
        load.says("postgres", "restarted", second)
    assert [change.at.mono - BEGAN.mono for change in load.session.changes.told] == [0, 12, 24, 36, 48]
