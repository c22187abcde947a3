"""What journalctl writes becomes lines, and nothing that it can write raises."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from collectors._journal import Entry, JournalFollower
from collectors._tracebacks import Joiner
from collectors.nginx import read_error

from .fuzzing import fuzz


def entry(number: int, message: object, **more: object) -> bytes:
    fields = {
        "__CURSOR": f"c{number}",
        "__REALTIME_TIMESTAMP": str(number * 1_000_000),
        "__MONOTONIC_TIMESTAMP": str(number),
        "_BOOT_ID": "b",
        "_PID": "7",
        "MESSAGE": message,
    }
    return json.dumps(fields | more).encode()


def texts(entries: list[Entry]) -> list[str]:
    return [one.text for one in entries]


def test_a_message_of_byte_values_and_one_of_several_parts_become_text() -> None:
    journal = JournalFollower("gunicorn.service")
    found = journal.entries(
        [entry(1, [27, 255, 104]), entry(2, ["a", "b"]), entry(3, None), entry(4, "\ud800 lone")],
        before=False,
    )
    assert texts(found) == [
        "\x1b\N{REPLACEMENT CHARACTER}h",
        "a\nb",
        "",
        "\N{REPLACEMENT CHARACTER}" * 3 + " lone",
    ]
    assert found[0].sent == 1.0


def test_a_line_that_journald_split_is_whole_again() -> None:
    journal = JournalFollower("gunicorn.service")
    parts = [
        entry(1, "one ", _LINE_BREAK="line-max"),
        entry(2, "of another process", _PID="8"),
        entry(3, "line", _LINE_BREAK="eof"),
    ]
    assert texts(journal.entries(parts, before=False)) == ["of another process", "one line"]


def test_what_journalctl_says_itself_is_no_line_of_the_unit() -> None:
    journal = JournalFollower("gunicorn.service")
    assert journal.entries([b"-- No entries --", b"", b"-- Boot 1234 --"], before=False) == []


def test_a_message_nested_a_thousand_deep_does_no_harm() -> None:
    deep = b'{"__CURSOR": "a", "MESSAGE": ' + b"[" * 600 + b"]" * 600 + b"}"
    assert texts(JournalFollower("gunicorn.service").entries([deep], before=False)) == [""]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    ["MESSAGE", "_PID", "PRIORITY", "__CURSOR", "__REALTIME_TIMESTAMP", "_LINE_BREAK", "x"]
)


@fuzz
@given(
    st.lists(
        st.binary(max_size=40)
        | st.dictionaries(names, values, max_size=5).map(lambda it: json.dumps(it).encode())
    )
)
def test_nothing_that_comes_raises(lines: list[bytes]) -> None:
    for one in JournalFollower("gunicorn.service").entries(lines, before=False):
        one.text.encode()


@fuzz
@given(st.text())
def test_no_error_line_raises(line: str) -> None:
    text, *_ = read_error("2026/09/20 10:01:02 [error] 1#1: *1 " + line, 0)
    assert text in line
    assert read_error(line, 0)[0] in line


def test_a_traceback_ends_where_the_next_thing_begins() -> None:
    joiner: Joiner[None] = Joiner()
    joiner.hold("7", None, "Oops")
    lines = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in b',
        "ValueError: no",
        "HINT: none",
    ]
    assert all(joiner.joins("7", line) for line in lines)
    assert not joiner.joins("7", "the next thing")
    assert not joiner.joins("8", "  of another process")
    held = joiner.release("7")
    assert held == (None, "\n".join(["Oops", *lines]), 5)
    assert joiner.release("7") is None


def test_an_endless_traceback_is_given_in_parts() -> None:
    joiner: Joiner[None] = Joiner()
    joiner.hold("7", None, "Traceback (most recent call last):")
    count = 0
    while joiner.joins("7", "  " + "x" * 1000):
        count += 1
    assert 50 < count < 100
