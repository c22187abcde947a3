"""Lines become events, whatever is in them, and each is counted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._crew import MOST
from collectors._journal import Entry, JournalFollower
from collectors._python_signals import GUNICORN, UVICORN
from collectors._signals import SignalTable
from collectors._tracebacks import LARGEST
from rampdeck.model import Severity
from rampdeck.text import clean

from .fuzzing import fuzz
from .reading import DATA, Told


def say(level: str, message: str, pid: int = 4242, second: int = 2) -> str:
    return f"[2026-09-20 10:01:{second:02} +0000] [{pid}] [{level}] {message}"


TRACEBACK = ["Traceback (most recent call last):", '  File "a.py", line 1, in b', "    c()"]
WORDS = sorted(
    {
        line
        for path in DATA.glob("*.log")
        for line in path.read_text().splitlines()
        if line and not line.startswith(("#", "    "))
    }
)

# --- What belongs together ---------------------------------------------------


def test_a_traceback_in_a_file_stays_whole_though_another_worker_talks_in_between() -> None:
    lines = [say("ERROR", "Error handling request /a/", 1), *TRACEBACK[:2]]
    lines += [say("INFO", "Booting worker with pid: 2", 2), TRACEBACK[2], "KeyError: 'b'"]
    told = Told().read(lines)
    assert told.of("app_error")[0].text.splitlines()[1:] == [*TRACEBACK, "KeyError: 'b'"]
    assert len(told.events) == 2


def test_a_warning_may_have_a_traceback_too() -> None:
    told = Told().read(["Forbidden (Permission denied): /admin/", *TRACEBACK, "PermissionDenied"])
    assert len(told.events) == 1
    assert told.events[0].fields["path"] == "/admin/"


def test_an_exception_of_several_lines_and_one_of_a_group_are_named() -> None:
    several = Told().read([say("ERROR", "Oops"), *TRACEBACK, "shop.errors.OutOfStock: item 7", "DETAIL: no"])
    assert several.events[0].fields["exception"] == "shop.errors.OutOfStock"
    group = [
        say("ERROR", "Exception in ASGI application"),
        "  + Exception Group Traceback (most recent call last):",
    ]
    group += ["  | ExceptionGroup: unhandled (1 sub-exception)", "  +-+---------------- 1 ----------------"]
    group += ["    | Traceback (most recent call last):", "    | KeyError: 'b'", "    +-----------------"]
    assert Told().read(group).events[0].fields["exception"] == "KeyError"


def test_an_application_that_logs_json_has_its_level_and_its_signal() -> None:
    told = Told().read(
        [
            '{"event": "order lost", "level": "error", "logger": "shop"}',
            '{"levelname": "ERROR", "message": "Internal Server Error: /orders/", "status_code": 500}',
            '{"message": "nothing to see", "severity": "INFO"}',
        ]
    )
    assert [event.severity for event in told.events] == [Severity.ERROR, Severity.ERROR, Severity.INFO]
    assert told.of("app_error")[0].fields["path"] == "/orders/"


@pytest.mark.parametrize(
    "asked", ["too many clients already", "deadlock detected", "Out of memory: Killed process"]
)
def test_what_a_client_asks_for_is_no_fault_of_the_server(asked: str) -> None:
    told = Told().read([f"Not Found: /{asked}", f"WARNING 2026-09-20 django.request Bad Request: /{asked}/"])
    assert told.signals == {"refused_by_app": 2}
    broken = "Error\nTraceback (most recent call last):\nValueError: Not Found: /x\ndeadlock detected"
    assert Told().read([say("ERROR", broken)]).signals == {"deadlock": 1}


# --- What one line alone does not tell ---------------------------------------


def test_a_kill_long_after_a_timeout_of_that_worker_is_not_its_consequence() -> None:
    told = Told().read(
        [
            say("CRITICAL", "WORKER TIMEOUT (pid:7)", second=1),
            say("ERROR", "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", second=40),
        ]
    )
    assert [event.fields["worker"] for event in told.of("out_of_memory")] == ["7"]


def test_a_crash_of_a_worker_is_told_with_its_signal_and_an_orderly_end_is_not_grave() -> None:
    told = Told().read(
        [
            say("ERROR", "Worker (pid:7) was sent SIGSEGV!"),
            say("ERROR", "Worker (pid:8) was sent SIGTERM!"),
            say("WARNING", "Worker with pid 9 was terminated due to signal 11"),
        ]
    )
    crashed = told.of("worker_crashed")
    assert [event.fields["signal_name"] for event in crashed] == ["SIGSEGV", "signal 11"]
    assert told.of("worker_signalled")[0].severity is Severity.INFO


def test_workers_of_two_containers_with_the_same_pid_are_two() -> None:
    told = Told().read(
        [say("ERROR", "Worker (pid:7) exited with code 1", second=second) for second in (1, 10)]
        + [say("ERROR", "Worker (pid:8) was sent SIGSEGV!")] * 2
    )
    assert told.signals == {"worker_exited": 2, "worker_crashed": 2}


def test_a_process_that_was_no_worker_is_a_stranger() -> None:
    lines = [say("INFO", "Starting gunicorn 23.0.0"), say("INFO", "Booting worker with pid: 7", 7)]
    told = Told().read([*lines, say("ERROR", "Worker (pid:99) exited with code 1")])
    assert told.signals["stranger_exited"] == 1
    assert "worker_exited" not in told.signals
    unknown = Told().read([say("ERROR", "Worker (pid:99) exited with code 1")])
    assert unknown.signals == {"worker_exited": 1}, "without the start nobody knows who is a worker"


def test_a_boot_that_nothing_explains_is_a_restart() -> None:
    told = Told().read(
        [
            say("INFO", "hello", second=1),
            say("INFO", "Booting worker with pid: 7", second=2),
            say("INFO", "Booting worker with pid: 8", second=30),
        ]
    )
    (restart,) = told.of("worker_restarted")
    assert (restart.fields["worker"], restart.fields["because"]) == ("8", "unknown")


def test_an_endless_crash_loop_is_followed_in_bounded_memory() -> None:
    told = Told()
    for pid in range(2 * MOST):
        told.read(
            [
                say("ERROR", f"Worker (pid:{pid}) was sent SIGSEGV!"),
                say("CRITICAL", f"WORKER TIMEOUT (pid:{pid})"),
            ]
        )
    crew = told.reader.crew
    assert max(len(crew._timeouts), len(crew._ended), len(crew._lost)) <= MOST


def test_lines_that_the_journal_left_out_are_said() -> None:
    told = Told().read(["Suppressed 1234 messages from gunicorn.service"])
    assert told.of("lines_lost")[0].fields["unit"] == "gunicorn.service"


def test_what_is_from_before_the_beginning_counts_nowhere() -> None:
    old = [Entry(say("CRITICAL", "WORKER TIMEOUT (pid:7)"), before=True)]
    old += [Entry("Suppressed 5 messages from x", before=True, suppressed=5)]
    told = Told().read(old)
    assert not any(told.reader.counts.values())
    assert sum(event.lines for event in told.events) == 0
    assert {event.fields["before"] for event in told.events} == {"start"}
    after = told.read([say("ERROR", "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?")])
    assert after.signals == {"worker_killed": 1}, "but it is remembered"


# --- What is no signal -------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        say("INFO", "customer wrote: WORKER TIMEOUT (pid:7)"),
        say("INFO", "search for 'deadlock detected'"),
        "INFO shop.views found too many clients already in the list",
        "a page named Booting worker with pid: 7",
        say("INFO", "Starting gunicorn factory in game 7"),
    ],
)
def test_what_somebody_wrote_into_a_line_is_no_signal(line: str) -> None:
    signals = Told().read([line]).signals
    assert signals in ({}, {"starting": 1})


def test_an_access_line_is_one_of_an_access_log_only_in_its_shape() -> None:
    told = Told().read(
        [
            '10.0.0.1 - - [20/Sep/2026:10:01:02 +0000] "GET / HTTP/1.1" 200 2 "-" "-"',
            '10.0.0.1 - bob [20/Sep/2026:10:01:02 +0000] "POST /a?b="c HTTP/1.1" 502 2 "-" "-"',
            '127.0.0.1:1234 - "GET /missing/ HTTP/1.1" 404',
            'somebody said "GET / HTTP/1.1" 200',
        ]
    )
    assert told.reader.counted == 1
    assert told.signals == {"access": 1, "answered_4xx": 1, "answered_5xx": 1}
    assert told.of("answered_4xx")[0].fields["path"] == "/missing/"
    assert len(told.events) == 3


# --- Anything at all ---------------------------------------------------------


TABLES = st.sampled_from([GUNICORN, UVICORN])
PIECES = (
    st.sampled_from(WORDS)
    | st.text(max_size=60)
    | st.sampled_from([*TRACEBACK, "ValueError: x", "", "\x00", "\x1b[31m"])
)


def told_exactly(told: Told, lines: int) -> None:
    assert sum(event.lines for event in told.events) + told.reader.counted == lines
    for event in told.events:
        event.text.encode()
        assert clean(event.text).isprintable()
        for name, value in event.fields.items():
            assert name.isidentifier()
            assert clean(value).isprintable()
            assert len(value) <= 4_000
    assert set(told.signals) <= set(told.table.counts())


@fuzz
@given(TABLES, st.lists(st.lists(PIECES, min_size=1, max_size=3).map("".join), max_size=40))
def test_any_lines_in_any_order_are_told_and_counted_exactly(table: SignalTable, lines: list[str]) -> None:
    texts = [line.encode(errors="replace").decode() for line in lines]
    told_exactly(Told(table).read(texts), len(texts))


@fuzz
@given(TABLES, st.binary(max_size=600))
def test_any_bytes_are_told_and_counted_exactly(table: SignalTable, block: bytes) -> None:
    lines = [line.decode(errors="replace") for line in block.split(b"\n")]
    told_exactly(Told(table).read(lines), len(lines))


@fuzz
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_from_journalctl_are_told(lines: list[bytes]) -> None:
    entries = JournalFollower("gunicorn.service").entries(lines, before=False)
    told_exactly(Told().read(entries), len(entries))


@pytest.mark.parametrize("character", ["a", "(", "[", '"', "'", " ", "0", "\n", "A.", "File ", "| ", "\\"])
def test_a_line_of_a_megabyte_is_told_whole_and_in_bounded_time(character: str) -> None:
    for start in (
        "",
        "WORKER TIMEOUT (pid:",
        "Internal Server Error: /",
        "Forbidden (CSRF",
        '1.2.3.4 - "GET /',
        "ERROR ",
    ):
        text = start + character * (1 << 18)
        told = Told().read([text])
        assert sum(len(event.text) for event in told.events) >= len(text.rstrip("\n"))


def test_an_endless_traceback_is_told_in_parts() -> None:
    told = Told().read(
        [say("ERROR", "Oops"), "Traceback (most recent call last):", *["  " + "x" * 1000] * 200]
    )
    assert sum(event.lines for event in told.events) == 202
    assert max(len(event.text) for event in told.events) <= LARGEST + 1_000
