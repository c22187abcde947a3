"""The decision record says what came of a session, to people and to programs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rampdeck.errors import RecordError
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.model import RequestBatch, RequestStats, Step
from rampdeck.record import markdown, write, write_json
from rampdeck.record.conclude import Matter, result_of
from rampdeck.record.gfm import code
from rampdeck.record.json import dumps, to_json
from rampdeck.record.result import ErrorResult, RecordFields, Result
from rampdeck.session import Session
from rampdeck.snapshot import Verdict
from tests.record.helpers import BEGAN, FACTS, result, session

HOSTILE = "<script>alert(1)</script> | `x` *b* [l](http://e)\n# head\x1b[31m @all \udcff [/orders/]"


def test_the_json_has_the_keys_that_pipelines_read() -> None:
    data = json.loads(dumps(result()))
    figures = {"requests", "failures", "rps", "error_rate", "p50", "p95", "p99"}
    assert data["schema"] == 1
    assert data["result"] == "FAIL"
    assert {"expression", "value", "state"} <= set(data["thresholds"][0])
    assert {"users", "seconds", *figures} <= set(data["steps"][0])
    assert {"method", "name", *figures} <= set(data["requests"][0])
    assert {"name", "host", "state", "samples", "events", "gaps"} <= set(data["sources"][0])
    assert {"cpu_percent", "lag_p99_ms", "lag_max_ms", "delay_p95_ms"} <= set(data["generator"])
    assert list(data["record"]) == [
        "Date", "Commit SHA", "Image tag", "Gunicorn workers", "Nginx config version",
        "Database size note", "Test scenarios", "Result", "Notes",
    ]  # fmt: skip
    assert data["session"] == "s/session.sqlite"
    assert [finding["layer"] for finding in data["findings"]] == ["postgres"]


def test_the_figures_are_those_of_the_session() -> None:
    data = to_json(result())
    assert [(step["users"], step["requests"], step["failures"]) for step in data["steps"]] == [
        (20, 80, 0),
        (50, 90, 10),
    ]
    assert sum(request["requests"] for request in data["requests"]) == data["total"]["requests"] == 170
    assert data["steps"][1]["error_rate"] == pytest.approx(10 / 90, abs=1e-6)
    assert data["steps"][1]["seconds"] == 10
    assert [source["gaps"] for source in data["sources"]] == [0, 1, 1, 0, 0]
    assert [source["lines"] for source in data["sources"]] == [
        *[None] * 4,
        {"read": 3_000, "stored": 2_000, "counted": 400, "dropped": 600, "suppressed": 100},
    ]
    assert data["sources"][2]["blind"][0]["until"] is None
    assert data["generator"]["cpu_percent"] == 29.0
    assert data["record"]["Date"] == "2026-11-22 12:21 UTC"
    assert data["record"]["Test scenarios"] == "checkout-peak: baseline, peak"
    assert data["errors"] == [
        {
            "method": "POST",
            "name": "/checkout/",
            "text": "HTTPError('504 Server Error: Gateway Time-out')",
            "count": 10,
        }
    ]


def test_a_record_of_a_session_without_load_says_so() -> None:
    empty = result_of(Session({}, lambda _: None), Gate(["p95 < 1s"]), Matter("smoke", ""), BEGAN)
    assert empty.result is Verdict.INCONCLUSIVE
    text = markdown(empty)
    assert "There was no load." in text
    assert "not given" in text
    assert json.loads(dumps(empty))["total"]["p95"] is None


def test_a_record_in_the_middle_of_the_load_says_so() -> None:
    played, gate, at = session()
    played.append(replace(played.steps[2], number=3, ended=None))
    assert "still going on" in markdown(result_of(played, gate, Matter("x", ""), at.plus(1)))


def hostile() -> Result:
    return replace(
        result(title=HOSTILE),
        requests=(replace(result().requests[0], name=HOSTILE),),
        errors=(ErrorResult("GET", HOSTILE, HOSTILE, 3),),
        record=replace(FACTS, notes=HOSTILE, commit_sha=HOSTILE),
        reasons=(HOSTILE,),
        doubts=(HOSTILE,),
    )


def test_hostile_text_survives_json() -> None:
    assert json.loads(dumps(hostile()))["errors"][0]["text"] == HOSTILE


def test_no_secret_is_written() -> None:
    secret = "hunter2-S3cr3t"
    leaky = replace(
        result(),
        host=f"https://u:{secret}@staging",
        errors=(ErrorResult("GET", f"/reset?token={secret}", f"Authorization: Bearer {secret}", 3),),
        record=RecordFields(notes=f"password={secret}"),
        doubts=(f"redis://:{secret}@db",),
        reasons=(f"redis://:{secret}@db",),
    )
    assert secret not in markdown(leaky)
    assert secret not in dumps(leaky)


@pytest.mark.parametrize(
    ("text", "span"),
    [("/", "`/`"), ("a`b", "``a`b``"), ("`a``", "``` `a`` ```"), ("", "-"), ("  ", "-"), ("a\nb", "`a b`")],
)
def test_code_spans_hold_any_text(text: str, span: str) -> None:
    assert code(text) == span


def test_both_files_are_written_whole_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "one"
    path = write(result(), folder)
    assert path == folder / "record.md"
    write(replace(result(), title="again"), folder)
    assert sorted(found.name for found in folder.iterdir()) == ["record.json", "record.md"]
    assert {found.stat().st_mode & 0o777 for found in folder.iterdir()} == {0o600}
    assert path.read_text().startswith("# ✖ FAIL: again\n")
    assert json.loads((folder / "record.json").read_text())["title"] == "again"


def test_a_record_that_cannot_be_written_is_named_and_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordError, match="cannot make"):
        write(result(), tmp_path / "file" / "folder")
    with pytest.raises(RecordError, match=r"cannot write .*no such file|No such file"):
        write_json(result(), tmp_path / "none" / "out.json")
    (tmp_path / "record.md").mkdir()
    with pytest.raises(RecordError, match="cannot write"):
        write(result(), tmp_path)
    assert not list(tmp_path.glob(".record*"))


def test_the_json_can_go_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    made = result()
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            write_json(made, pipe)
            assert reader.stdout
            assert json.loads(reader.stdout.read())["result"] == "FAIL"
        finally:
            reader.kill()
    assert pipe.is_fifo()


def test_the_json_has_every_percentile_by_every_clock_and_says_whose_times_were_judged() -> None:
    data = to_json(result())
    home = next(request for request in data["requests"] if request["name"] == "/")
    order = next(request for request in data["requests"] if request["name"] == "/checkout/")
    assert (home["clock"], order["clock"], data["total"]["clock"]) == ("wire", "locust", "mixed")
    assert (home["stamped"], home["redirects"], order["killed"]) == (80, 20, 20)
    for part in (home, order, data["total"], *data["steps"]):
        assert list(part["percentiles"]) == ["all", "ok", "failed", "locust", "delay", "corrected"]
        everything = part["percentiles"]["all"]
        assert list(everything) == ["count", "mean", "p50", "p90", "p95", "p99", "p999", "p9999", "max"]
        assert (everything["count"], everything["p95"]) == (part["requests"], part["p95"])
    assert order["percentiles"]["failed"]["max"] == 5.0
    assert home["percentiles"]["locust"]["mean"] == pytest.approx(home["mean"] + 2.5)
    assert home["percentiles"]["corrected"]["count"] == 0


def judged(*batches: RequestStats) -> str:
    """The record of a level with these requests, of the same clock all."""
    played = Session({}, lambda _: None)
    step = Step(1, 5, 5.0, "key", BEGAN)
    played.append(replace(step, reached=BEGAN, measured_from=BEGAN))
    played.append(RequestBatch(BEGAN.plus(1), 1.0, 5, batches))
    return markdown(result_of(played, Gate([]), Matter("", ""), BEGAN.plus(1)))


def test_the_record_says_which_clock_was_judged() -> None:
    times = Histogram.of([20.0])
    stamped = RequestStats("GET", "/", times, Histogram(), locust=times, delay=Histogram.of([1.0]))
    assert "How it was measured: the times that were judged are wire times" in judged(stamped)
    assert "judged are Locust's" in judged(RequestStats("GET", "/", times, Histogram()))
    assert "stamped by the kernel, for 80 of 170 requests" in markdown(result())
    assert "20 redirects were followed" in markdown(result())
    assert "20 requests were cut off by us" in markdown(result())


def test_many_levels_and_names_leave_the_record_readable() -> None:
    made = result()
    steps = tuple(replace(made.steps[0], number=number) for number in range(1, 71))
    requests = tuple(replace(made.requests[0], name=f"/page/{number:02}/") for number in range(25))
    text = markdown(replace(made, steps=steps, requests=requests))
    levels, names = text.split("<summary>Every percentile")[1:]
    assert "| 21   |" in levels
    assert "| 20   |" not in levels
    assert "The percentiles of 20 levels before these are in record.json." in levels
    assert "`/page/19/`" in names
    assert "`/page/20/`" not in names
    assert "The percentiles of 5 more are in record.json." in names


def test_a_level_that_was_set_by_hand_says_so() -> None:
    assert "| by key | ▲ INCONCLUSIVE |" in judged(
        RequestStats("GET", "/", Histogram.of([20.0]), Histogram())
    )
