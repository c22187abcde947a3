"""Every line of an access log counts once, in whatever format and whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._access import AccessLog
from collectors._failures import ROOM, path_template
from collectors._lines import MAX_LINE, LineBuffer
from rampdeck.text import clean

from .fuzzing import fuzz

COMBINED = '10.0.0.9 - ann [20/Sep/2026:10:01:02 +0000] "GET /orders/ HTTP/1.1" {} 512 "-" "curl/8 [x] rt=9"'
TIMED = COMBINED + " rt=0.120 uct=0.010 uht=0.100 urt=0.100 us={}\n"
CLASSES = ("2xx", "3xx", "4xx", "499", "5xx", "other")


def read(*lines: str) -> dict[str, float]:
    log = AccessLog()
    log.take("".join(lines).encode())
    return log.readings()[0]


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
    assert (values["own_5xx"], values["502"], values["503"], values["504"]) == (1, 1, 0, 1)


def test_an_error_without_an_answers_header_is_nginxs_own_whatever_it_notes_as_the_upstreams_status() -> None:
    refused = COMBINED.format(502) + " rt=0.001 uct=- uht=- urt=0.000 us=502\n"
    tried_two = COMBINED.format(504) + " rt=2.0 uct=0.001, - uht=-, - urt=1.000, 1.000 us=502, 504\n"
    answered = COMBINED.format(502) + " rt=0.1 uct=0.001 uht=0.100 urt=0.100 us=502\n"
    for times in (1, 3):
        values = read(*[refused, tried_two, answered] * times)
        assert (values["5xx"], values["own_5xx"], values["upstream_5xx"]) == (3 * times, 2 * times, times)


def test_where_the_format_lacks_the_headers_time_a_502_or_504_counts_as_nginxs() -> None:
    line = COMBINED + " rt=0.1 us={}\n"
    values = read(line.format(502, 502), line.format(504, 504), line.format(500, 500), line.format(503, "-"))
    assert (values["own_5xx"], values["upstream_5xx"]) == (3, 1)


def test_a_format_that_does_not_tell_who_answered_gives_no_figure_of_it() -> None:
    values = read(COMBINED.format(502) + "\n")
    assert values["502"] == 1
    assert not {"own_5xx", "upstream_5xx", "static_upstream", "cached"} & set(values)


def test_files_that_the_application_had_to_serve_are_counted() -> None:
    line = '10.0.0.9 - - [x] "GET {} HTTP/1.1" 200 512 "-" "-" rt=0.1 urt={} us={}\n'
    values = read(
        line.format("/static/app.css?v=3", "0.1", "200"),
        line.format("/static/app.js", "0.1", "200"),
        line.format("/static/logo.png", "-", "-"),
        line.format("/orders.csv/", "0.1", "200"),
    )
    assert values["static_upstream"] == 2


def test_answers_from_the_cache_are_counted() -> None:
    values = read(*(COMBINED.format(200) + f" us=- ucs={state}\n" for state in ("HIT", "MISS", "STALE", "-")))
    assert values["cached"] == 2


JSON = (
    '{{"time_local":"20/Sep/2026:10:01:02 +0000", "remote_addr":"10.0.0.9","request_method":"GET",'
    '"request_uri":"{uri}", "status": "{status}","body_bytes_sent":"512","request_time":0.250,'
    '"upstream_connect_time":"{up}","upstream_header_time":"{up}","upstream_response_time":"{up}",'
    '"upstream_status":"{us}","agent":"{agent}"}}\n'
)


def test_json_tells_the_same_as_text_whatever_a_browser_calls_itself() -> None:
    agent = 'x\\",\\"status\\":\\"200\\" {} \\\\'
    lines = [
        JSON.format(uri="/static/a.js", status=200, us=200, up="0.100", agent=agent),
        JSON.format(uri="/orders/", status=502, us=502, up="", agent="curl"),
        JSON.format(uri="/", status=499, us="", up="", agent="\\u00e9"),
    ]
    for times in (1, 4):
        values = read(*lines * times)
        assert (values["requests"], values["2xx"], values["502"], values["499"]) == (
            3 * times,
            times,
            times,
            times,
        )
        assert (values["own_5xx"], values["static_upstream"]) == (times, times)
        assert values["request_time"] == pytest.approx(250)
        assert values["upstream_time"] == pytest.approx(100)
        assert values["bytes"] == 3 * times * 512


@pytest.mark.parametrize(
    "line",
    [
        COMBINED.format(503),
        "shop.example:443 " + COMBINED.format(503),
        COMBINED.format(503) + ' "10.1.1.1, 10.2.2.2" rt=0.1',
        JSON.format(uri="/orders/?a=1", status=503, us=503, up="0.1", agent="").strip(),
    ],
)
def test_a_failure_tells_who_asked_for_what_and_when(line: str) -> None:
    log = AccessLog()
    for _ in range(2):
        [failure] = log.take(line.encode() + b"\n")
        assert failure.status == b"503"
        assert failure.fields["client"] == "10.0.0.9"
        assert failure.fields["request"].startswith("GET /orders/")
        assert failure.fields["time"] == "20/Sep/2026:10:01:02 +0000"


def test_of_a_flood_the_first_are_shown_and_the_others_told_by_status_and_path() -> None:
    line = '10.0.0.9 - - [20/Sep/2026:10:01:02 +0000] "GET {} HTTP/1.1" {} 1 "-" "-" rt=0 uht=- us={}\n'
    flood = [line.format(f"/orders/{number}/?page=1", 502, 502) for number in range(3000)]
    flood[1500] = line.format("/login/", 503, "-")
    log = AccessLog()
    shown = log.take("".join(flood[:1000]).encode()) + log.take("".join(flood[1000:]).encode())
    assert len(shown) == ROOM
    values, told = log.readings()
    assert values["5xx"] == values["own_5xx"] == 3000
    assert {(one.status, one.fields["request"], one.count) for one in told} == {
        (b"502", "/orders/N/", 3000 - ROOM - 1),
        (b"503", "/login/", 1),
    }
    assert told[0].text == f"502 /orders/N/: {3000 - ROOM - 1} more in this second"
    assert told[0].fields["by"] == "proxy"
    assert len(log.take("".join(flood[:10]).encode())) == 10, "a new second begins"
    assert log.readings()[1] == []


def test_a_flood_of_lines_that_cannot_be_read_is_told_once_a_second() -> None:
    log = AccessLog()
    assert len(log.take(b"nonsense\n" * 1000)) == ROOM
    values, [told] = log.readings()
    assert values["requests"] == values["other"] == 1000
    assert told.text == f"a line that cannot be read: {1000 - ROOM} more in this second"


def test_a_flood_to_endless_paths_stays_small() -> None:
    log = AccessLog()
    for start in range(0, 2000, 100):
        paths = [
            f"/{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}x/"
            for n in range(start, start + 100)
        ]
        log.take("".join(f'a - - [x] "GET {path} HTTP/1.1" 404 1\n' for path in paths).encode())
    _, told = log.readings()
    assert len(told) < 60
    assert sum(one.count for one in told) == 2000 - ROOM


@pytest.mark.parametrize(
    ("request_line", "template"),
    [
        (b"GET /orders/17/items/4?x=1 HTTP/1.1", b"/orders/N/items/N"),
        (b"GET /a/0b6f4a1c-9d0e-4a55-8f4e-5b1f6f1f2a3b HTTP/1.1", b"/a/N"),
        (b"GET /api/v1/deface/ HTTP/1.1", b"/api/v1/deface/"),
        (b"/orders/17", b"/orders/N"),
        (b"\\x16\\x03", b"\\x16\\x03"),
        (b"", b""),
    ],
)
def test_paths_that_differ_in_a_key_only_are_one(request_line: bytes, template: bytes) -> None:
    assert path_template(request_line) == template


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
    assert (line.text, line.status) == ("who knows", b"")
    values, _ = log.readings()
    assert (values["requests"], values["2xx"], values["other"]) == (4, 3, 1)


def test_json_cannot_put_nonsense_into_the_times() -> None:
    for wrong in ("NaN", "Infinity", "1e999", '"-1"', "true", "[]", '"9999999999999999999999"'):
        values = read(f'{{"status": 200, "request_time": {wrong}, "body_bytes_sent": {wrong}}}\n')
        assert values["2xx"] == 1
        assert values.get("request_time", 0) <= 0
        assert values["bytes"] == 0


shapes = st.sampled_from(
    [
        TIMED.format(200, 200).encode(),
        TIMED.format(502, "-").encode(),
        JSON.format(uri="/a.css", status=200, us=200, up="0.1", agent="").encode(),
        JSON.format(uri="/", status=504, us="504, -", up="-", agent="").encode(),
        b"\n",
        b'{"status":',
        b'" 200 5',
    ]
)


@fuzz
@given(st.lists(st.binary(max_size=60) | shapes), st.integers(1, 400))
def test_any_bytes_in_any_split_are_counted_and_never_raise(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    log, buffer = AccessLog(), LineBuffer()
    told = []
    for start in range(0, len(data), size):
        if block := buffer.feed(data[start : start + size]):
            told += log.take(block)
    values, flood = log.readings()
    for one in (*told, *flood):
        one.text.encode()
        assert all(clean(text).isprintable() for text in (one.text, *one.fields.values()))
    assert values["requests"] == data.count(b"\n") == sum(values[name] for name in CLASSES)


@fuzz
@given(
    st.lists(
        shapes
        | st.text(max_size=12).map(lambda text: json.dumps({"status": 200, "x": text}).encode() + b"\n"),
        max_size=30,
    )
)
def test_a_line_means_the_same_alone_and_in_a_block(lines: list[bytes]) -> None:
    block = b"".join(lines)
    together, alone = AccessLog(), AccessLog()
    if block.count(b"\n") == len(lines):
        together.take(block)
        for line in lines:
            alone.take(line)
        assert together.readings()[0] == pytest.approx(alone.readings()[0])


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
        assert log.readings()[0]["requests"] == 4
