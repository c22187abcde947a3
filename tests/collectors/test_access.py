"""Every line of an access log counts once, in whatever format and whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._access import AccessLog
from collectors._lines import MAX_LINE, LineBuffer

from .fuzzing import fuzz

COMBINED = '10.0.0.9 - ann [20/Sep/2026:10:01:02 +0000] "GET /orders/ HTTP/1.1" {} 512 "-" "curl/8 [x] rt=9"'
TIMED = COMBINED + " rt=0.120 uct=0.010 uht=0.100 urt=0.100 us={}\n"
CLASSES = ("2xx", "3xx", "4xx", "499", "5xx", "other")


def read(*lines: str) -> dict[str, float]:
    log = AccessLog()
    log.take("".join(lines).encode())
    return log.readings()


def test_times_are_means_and_maxima_in_milliseconds() -> None:
    slow = TIMED.replace("rt=0.120", "rt=0.520").format(200, 200)
    values = read(TIMED.format(200, 200), TIMED.format(200, 200), slow)
    assert values["requests"] == 3
    assert values["request_time"] == pytest.approx((120 + 120 + 520) / 3)
    assert values["request_time_max"] == pytest.approx(520)
    assert values["upstream_time"] == pytest.approx(100)
    assert values["connect_time"] == pytest.approx(10)
    assert values["queue_time_max"] == pytest.approx(420)
    assert values["bytes"] == 3 * 512


def test_who_produced_an_error_can_be_told() -> None:
    values = read(
        TIMED.format(502, 502), TIMED.format(500, 500), TIMED.format(504, "-"), TIMED.format(499, "-")
    )
    assert (values["5xx"], values["499"], values["4xx"], values["upstream_5xx"]) == (3, 1, 0, 2)


def test_a_request_that_tried_two_upstreams_counts_the_last_one_and_both_times() -> None:
    line = COMBINED.format(200) + " rt=0.3 uct=0.000, 0.001 uht=-, 0.1 urt=0.050, 0.100 us=502, 200\n"
    for values in (read(line), read(line, line)):
        assert values["upstream_time"] == pytest.approx(150)
        assert (values["upstream_2xx"] > 0, values["upstream_5xx"]) == (True, 0)


def test_a_file_that_nginx_served_itself_has_no_upstream() -> None:
    static = COMBINED.format(200) + " rt=0.001 uct=- uht=- urt=- us=-\n"
    values = read(static, TIMED.format(200, 200))
    assert values["requests"] == 2
    assert values["upstream_2xx"] == 1
    assert values["upstream_time"] == pytest.approx(100)


@pytest.mark.parametrize(
    "line",
    [
        COMBINED.format(503),
        COMBINED.format(503) + ' "10.1.1.1"',
        COMBINED.format(503) + ' request_time=0.25 upstream_status="503" host=shop',
        '2001:db8::1 - - [20/Sep/2026:10:01:02 +0000] "" 503 0 "-" "-"',
        '10.0.0.9 - - [20/Sep/2026:10:01:02 +0000] "\\x16\\x03\\x01" 503 157 "-" "-"',
        '10.0.0.9 - - [20/Sep/2026:10:01:02 +0000] "GET / HTTP/1.1" 503 157',
        json.dumps({"status": 503, "request_time": 0.25, "request_method": "GET", "request_uri": "/"}),
        json.dumps({"status": "503", "upstream_response_time": "", "request": "GET / HTTP/1.1"}),
    ],
)
def test_other_formats_are_understood(line: str) -> None:
    for times in (1, 3):
        assert read(*[line + "\n"] * times)["5xx"] == times


def test_a_line_that_cannot_be_read_counts_and_is_shown() -> None:
    log = AccessLog()
    log.take(TIMED.format(200, 200).encode())
    [line] = log.take(TIMED.format(200, 200).encode() + b"who knows\n" + TIMED.format(200, 200).encode())
    assert (line.text, line.request) == ("who knows", None)
    values = log.readings()
    assert (values["requests"], values["2xx"], values["other"]) == (4, 3, 1)


def test_json_cannot_put_nonsense_into_the_times() -> None:
    for wrong in ("NaN", "Infinity", "1e999", '"-1"', "true", "[]", '"9999999999999999999999"'):
        values = read(f'{{"status": 200, "request_time": {wrong}, "body_bytes_sent": {wrong}}}\n')
        assert values["2xx"] == 1
        assert values.get("request_time", 0) <= 0
        assert values["bytes"] == 0


shapes = st.sampled_from(
    [TIMED.format(200, 200).encode(), TIMED.format(502, "-").encode(), b"\n", b'{"status":', b'" 200 5']
)


@fuzz
@given(st.lists(st.binary(max_size=60) | shapes), st.integers(1, 70))
def test_any_bytes_in_any_split_are_counted_and_never_raise(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    log, buffer = AccessLog(), LineBuffer()
    for start in range(0, len(data), size):
        if block := buffer.feed(data[start : start + size]):
            for line in log.take(block):
                line.text.encode()
    values = log.readings()
    assert values["requests"] == data.count(b"\n") == sum(values[name] for name in CLASSES)


def test_an_endless_line_is_cut_and_costs_little() -> None:
    for hostile in (b"a", b'"', b"[", b' "', b"a=", b" 1, ", b'{"a":', b"\\", b" rt=0.1"):
        buffer, log = LineBuffer(), AccessLog()
        assert buffer.feed(TIMED.format(200, 200).encode()) != b""
        log.take(TIMED.format(200, 200).encode())
        for _ in range(40):
            assert buffer.feed(hostile * (65_536 // len(hostile))) == b""
        block = buffer.feed(b"\n" + TIMED.format(200, 200).encode())
        assert len(block) <= MAX_LINE + 200
        log.take(block)
        log.take(hostile * (60_000 // len(hostile)) + b"\n")
        assert log.readings()["requests"] == 4
