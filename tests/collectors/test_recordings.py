"""What real servers of many versions said when everything was done to them is understood, line by line.

The recordings are made by ``recording.py``; ``data/signals.toml`` has what must come of each.
"""

from __future__ import annotations

import tomllib

import pytest

from rampdeck.model import Severity

from .reading import DATA, recorded

EXPECTED = tomllib.loads((DATA / "signals.toml").read_text())
NAMES = sorted(path.stem for path in DATA.glob("*.log"))
SYNC = [name for name in NAMES if name.endswith("-sync")]
SAY_KILLS = [name for name in NAMES if name.endswith(("-sync", "-asgi")) and "20.0.4" not in name]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_names_its_source_and_gives_its_signals_in_their_numbers(name: str) -> None:
    head = (DATA / f"{name}.log").read_text().partition("\n")[0]
    assert head.startswith("# ")
    assert "tests/collectors/recording.py" in head
    assert recorded(name).signals == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_recording_is_lost_or_told_twice(name: str) -> None:
    lines = (DATA / f"{name}.log").read_text().splitlines()[1:]
    told = recorded(name)
    assert sum(event.lines for event in told.events) + told.reader.counted == len(lines)
    texts = "\n".join(event.text for event in told.events)
    assert all(line.strip() in texts for line in lines if line.startswith("  "))


@pytest.mark.parametrize("name", SAY_KILLS)
def test_a_kill_after_a_timeout_is_no_want_of_memory_and_one_without_is(name: str) -> None:
    told = recorded(name)
    timeouts = {event.fields["worker"] for event in told.of("worker_timeout")}
    killed, memory = told.of("worker_killed"), told.of("out_of_memory")
    assert killed
    assert {event.fields["worker"] for event in killed} <= timeouts
    assert {event.fields["because"] for event in killed} == {"worker_timeout"}
    assert [event.severity for event in memory] == [Severity.CRITICAL]
    assert memory[0].fields["worker"] not in timeouts


# 24.0 sees too late that a worker has ended, and kills the next one.
@pytest.mark.parametrize("name", [name for name in SYNC if "24.0.0" not in name])
def test_workers_started_for_lost_ones_are_told_from_those_that_were_planned(name: str) -> None:
    told = recorded(name)
    planned = [event.fields["because"] for event in told.of("booting")]
    assert {"start", "recycling"} <= set(planned)
    assert planned.count("recycling") == 1
    lost = [event.fields["because"] for event in told.of("worker_restarted")]
    assert lost.count("worker_timeout") == 2
    # Gunicorn 20.0 does not say that a worker was killed.
    assert lost[-1] == ("unknown" if "20.0.4" in name else "out_of_memory")


@pytest.mark.parametrize("name", SYNC)
def test_somebody_who_changes_the_configuration_meanwhile_is_seen(name: str) -> None:
    changes = recorded(name).of("config_changed")
    assert [event.fields["signal_name"] for event in changes] == ["ttin", "ttou", "hup"]
    assert {event.severity for event in changes} == {Severity.WARNING}


def test_an_exit_code_that_is_printed_twice_is_one_exit() -> None:
    told = recorded("gunicorn-21.2.0-sync")
    assert [event.fields["code"] for event in told.of("worker_exited")] == ["1"]
    twin = next(event for event in told.events if "repeats" in event.fields)
    assert (twin.text.endswith("exited with code 1."), twin.lines) == (True, 1)


@pytest.mark.parametrize("version", ["23.0.0", "24.0.0", "24.1.1", "25.3.0", "26.2.0", "27.0.1"])
def test_the_request_that_a_timed_out_worker_was_at_is_named(version: str) -> None:
    (request,) = recorded(f"gunicorn-{version}-sync").of("request_timed_out")
    assert request.fields["path"] == "/slow/"
    assert request.fields["because"] == "worker_timeout"


@pytest.mark.parametrize("name", ["gunicorn-20.1.0-sync", "gunicorn-23.0.0-sync", "gunicorn-27.0.1-sync"])
def test_an_error_of_the_application_has_request_and_exception(name: str) -> None:
    error = recorded(name).of("app_error")[0]
    assert error.fields["path"] == "/boom/"
    assert error.fields["exception"] == "ValueError"
    assert error.fields.get("method", "GET") == "GET"
    assert error.text.endswith("ValueError: no stock of item 7")


@pytest.mark.parametrize("name", SYNC)
def test_version_address_and_worker_class_are_facts(name: str) -> None:
    told = recorded(name)
    assert told.of("starting")[0].fields["version"] == name.split("-")[1]
    assert told.of("listening")[0].fields["address"].startswith("http://127.0.0.1:")
    assert told.of("worker_class")[0].fields["worker_class"] == "sync"


def test_a_version_with_a_fault_like_the_application_s_is_told() -> None:
    bugs = recorded("gunicorn-25.3.0-sync").of("known_bug")
    assert "gunicorn#3648" in bugs[0].text
    assert [bug.lines for bug in bugs] == [0, 0], "our own words are no line of the log"
    assert recorded("gunicorn-27.0.1-sync").of("known_bug") == []


@pytest.mark.parametrize("name", ["gunicorn-27.0.1-django-5.2.19", "gunicorn-27.0.1-django-5.2.19-formatted"])
def test_what_django_says_is_understood_with_and_without_a_formatter(name: str) -> None:
    told = recorded(name)
    full = told.of("database_full")
    assert [event.fields["exception"] for event in full] == ["django.db.utils.OperationalError"] * 2
    assert {event.fields["path"] for event in full} == {"/orders/"}
    assert full[0].fields["database"].startswith("127.0.0.1:")
    (late,) = told.of("statement_timeout")
    assert (late.fields["path"], late.fields["reason"]) == ("/late/", "statement timeout")
    (csrf,) = told.of("csrf")
    assert (csrf.fields["reason"], csrf.fields["path"]) == ("CSRF cookie not set.", "/")
    assert told.of("host_refused")[0].fields["host"] == "evil.example"
    assert told.of("refused_by_app")[0].fields["path"] == "/missing/"
    assert told.of("app_error")[0].fields["path"] == "/boom/"


def test_a_release_that_cannot_start_is_told_with_its_reason() -> None:
    for name in ("gunicorn-20.1.0-boot", "gunicorn-23.0.0-boot", "gunicorn-27.0.1-boot"):
        failures = recorded(name).of("boot_failed")
        assert [event.fields["reason"] for event in failures] == [
            "Worker failed to boot",
            "App failed to load",
        ]
        assert {event.severity for event in failures} == {Severity.CRITICAL}


def test_uvicorn_s_lines_lose_their_level_and_its_access_lines_are_counted() -> None:
    told = recorded("uvicorn-0.54.0")
    assert told.of("app_started")[0].text == "Application startup complete."
    assert told.reader.counted == 4
    failed = told.of("answered_5xx")
    assert [(event.fields["path"], event.fields["status"]) for event in failed] == [
        ("/boom/", "500"),
        ("/nothing/", "500"),
        ("/", "503"),
    ]
    assert told.of("recycling")[0].fields["limit"] == "2"


@pytest.mark.parametrize("version", ["0.34.3", "0.54.0"])
def test_a_worker_of_uvicorn_s_supervisor_that_died_is_told_and_its_successor(version: str) -> None:
    told = recorded(f"uvicorn-{version}-supervisor")
    died = [event.fields["worker"] for event in told.of("worker_died")]
    assert [event.fields["lost"] for event in told.of("worker_restarted")] == died
    assert [event.fields["signal_name"] for event in told.of("config_changed")] == ["TTIN", "TTOU", "HUP"]
