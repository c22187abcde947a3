"""What a session file gives again: the result that the run itself gave, and honest words where it cannot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import reporting
from rampdeck.config import Config, GateConfig, HostConfig
from rampdeck.errors import SessionError, UsageError
from rampdeck.facts import Fact, FactPair
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.model import (
    Event,
    EventKind,
    Instant,
    RequestBatch,
    RequestStats,
    Severity,
    SourceInfo,
    Step,
    Tick,
)
from rampdeck.record.json import dumps, to_json
from rampdeck.record.outcome import KEY, Outcome
from rampdeck.record.result import Decision, Result
from rampdeck.report.rebuild import OTHERWISE, Kinds, file_of, rebuild
from rampdeck.snapshot import ThresholdState, Verdict
from rampdeck.store import Item, SessionReader, SessionWriter, sums
from rampdeck.store.about import about
from rampdeck.view import View
from tests.record import grounds

BEGAN = Instant(1_795_350_060.0, 1_000.0)
OLD = Path(__file__).parents[1] / "store" / "data"
KINDS = Kinds({"redis": View("redis"), "postgres": View("pg")})


def load(name: str = "/", ms: float = 20.0, users: int = 5, seconds: int = 12) -> list[Item]:
    """A load level of some seconds that is over, with 20 requests in each of them."""
    step = Step(1, users, 5.0, "plan", BEGAN, "peak")
    measured = replace(step, reached=BEGAN, measured_from=BEGAN)
    items: list[Item] = [step, measured]
    for second in range(1, seconds + 1):
        at = BEGAN.plus(second)
        stats = RequestStats("GET", name, Histogram.of([ms] * 20), Histogram(), errors={})
        items += [RequestBatch(at, 1.0, users, (stats,)), Tick(at, users)]
    ended = BEGAN.plus(seconds + 0.5)
    return [*items, replace(measured, ended=ended), Tick(BEGAN.plus(seconds + 1), 0)]


async def recorded(
    folder: Path,
    items: Sequence[Item],
    thresholds: Sequence[str] = ("p95 < 800ms",),
    *,
    config: Config | None = None,
    over: bool = True,
    outcome: Outcome | None = None,
    **more: Any,
) -> Path:
    """Write a session as a run does; ``over`` is whether it came to its end, ``more`` its further meta."""
    writer = SessionWriter(folder / "session.sqlite")
    settings = config or Config(gate=GateConfig(thresholds=tuple(thresholds)))
    known = about(
        settings,
        title="peak",
        host="http://staging",
        began=BEGAN,
        arguments=["run"],
        thresholds=Gate(thresholds).thresholds,
    )
    usual = Outcome(ended="plan", planned=True, closed=BEGAN.plus(20) if over else None)
    outcome = outcome or usual
    for key, value in {**known, KEY: outcome.to_meta(), **more}.items():
        writer.set_meta(key, value)
    for item in items:
        writer.append(item)
    if over:
        await writer.close()
    else:
        await writer.commit()
    assert writer.problem == ""
    return writer.path


def result_of(path: Path, thresholds: Sequence[str] = ()) -> Result:
    return rebuild(path, KINDS, thresholds).result


# -- what was recorded


async def test_a_session_that_held_gives_its_pass_again(tmp_path: Path) -> None:
    found = result_of(await recorded(tmp_path, load()))
    assert (found.result, found.reasons) == (Verdict.PASS, ())
    assert (found.title, found.users, found.total.requests) == ("peak", 5, 240)
    assert found.steps[0].verdict is Verdict.PASS
    assert found.session_sha256
    assert not found.cut_off


def test_what_the_file_adds_up_to_and_its_items_give_the_same_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With names that are judged by themselves, errors, levels, floods and signals in logs."""
    monkeypatch.setattr(reporting, "LEVEL", 20)
    path = reporting.make(tmp_path / "session.sqlite", seconds=70, lines=4_000)
    quick = rebuild(path, KINDS)
    assert quick.result.total.requests > 30_000
    assert {view.state for view in quick.result.thresholds} == {ThresholdState.PASS}
    assert sum(error.count for error in quick.result.errors) > 50
    assert len(quick.result.steps) == 4
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("DELETE FROM meta WHERE key = ?", (sums.KEY,)).rowcount == 1
        connection.commit()
    whole = rebuild(path, KINDS)
    assert replace(quick.result, session_sha256="") == replace(whole.result, session_sha256="")
    assert quick.session.book.errors_seen == whole.session.book.errors_seen


async def test_sums_that_are_not_of_all_its_items_are_not_used(tmp_path: Path) -> None:
    path = reporting.make(tmp_path / "session.sqlite", seconds=3, lines=10)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO ticks VALUES (100000, 1.0, 1.0, 5, 1)")
        connection.commit()
    with SessionReader(path) as reader:
        assert reader.sums() is None


async def test_requests_of_other_protocols_are_read_one_by_one(tmp_path: Path) -> None:
    path = await recorded(tmp_path, [*load(), *load("ws")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE request_names SET method = 'WSS'")
        connection.commit()
    with SessionReader(path) as reader:
        assert reader.sums() is None


async def test_a_folder_stands_for_its_session(tmp_path: Path) -> None:
    path = await recorded(tmp_path / "s", load())
    assert file_of(tmp_path / "s") == file_of(path) == path


def test_a_folder_without_a_session_is_told_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no session") as caught:
        file_of(tmp_path)
    assert caught.value.why == "there is no session.sqlite in it"
    assert caught.value.fix == "Name a session's folder"


async def test_who_judges_by_other_thresholds_says_so(tmp_path: Path) -> None:
    path = await recorded(tmp_path, load(), ("p95 < 30ms",))
    assert OTHERWISE in rebuild(path, KINDS, ["p95 < 5s"]).result.warnings
    assert OTHERWISE not in rebuild(path, KINDS).result.warnings


@pytest.mark.parametrize(("warn_at", "state"), [(50, ThresholdState.WARN), (80, ThresholdState.PASS)])
async def test_what_is_near_a_limit_is_what_the_run_took_for_it(
    tmp_path: Path, warn_at: float, state: ThresholdState
) -> None:
    near = Config(gate=GateConfig(thresholds=("p95 < 30ms",), warn_at=warn_at))
    path = await recorded(tmp_path, load(ms=20.0), ("p95 < 30ms",), config=near)
    assert [view.state for view in result_of(path).thresholds] == [state]


async def test_other_thresholds_take_the_place_of_those_it_was_judged_by(tmp_path: Path) -> None:
    path = await recorded(tmp_path, load(ms=20.0))
    found = result_of(path, ["p95 < 10ms", "requests >= 100"])
    assert found.result is Verdict.FAIL
    assert [view.state for view in found.thresholds] == [ThresholdState.FAIL, ThresholdState.PASS]
    with pytest.raises(UsageError, match="p95"):
        result_of(path, ["p95 <"])


async def test_seconds_at_which_the_run_did_not_look_are_not_trusted_afterwards(tmp_path: Path) -> None:
    unseen = [item for item in load() if not isinstance(item, Tick)]
    found = result_of(await recorded(tmp_path, unseen))
    assert found.result is Verdict.INCONCLUSIVE
    assert found.doubts == ("no load level was held long enough to be measured",)


# -- what a person said, and what the stack was made of


async def test_the_last_decision_stands_beside_what_was_computed(tmp_path: Path) -> None:
    def decided(second: float, name: str, verdict: str) -> Event:
        fields = {"verdict": verdict, "computed": "FAIL", "name": name, "note": "known defect"}
        return Event(BEGAN.plus(second), "operator", EventKind.DECISION, Severity.NOTICE, "", fields=fields)

    path = await recorded(tmp_path, [*load(ms=900.0), decided(14, "Ann", "FAIL"), decided(15, "Bob", "PASS")])
    found = result_of(path)
    assert found.result is Verdict.FAIL
    assert found.decision == Decision(BEGAN.plus(15), Verdict.PASS, Verdict.FAIL, "Bob", "known defect")


async def test_facts_of_the_start_and_the_end_are_read(tmp_path: Path) -> None:
    start = Fact("gunicorn.version", "Gunicorn", "23.0.0", "its start line")
    stored = [{"source": "gunicorn@web", "start": {**_fields(start)}, "end": None}]
    found = result_of(await recorded(tmp_path / "a", load(), facts=stored))
    assert found.facts == (FactPair("gunicorn@web", start, None),)


def _fields(fact: Fact) -> dict[str, str]:
    return {name: getattr(fact, name) for name in ("name", "title", "value", "provenance", "why")}


async def test_what_the_scenario_raised_and_the_operator_did_weigh_as_in_the_run(tmp_path: Path) -> None:
    outcome = Outcome(ended="operator", planned=True, raised={"KeyError: 'csrf'": 3}, closed=BEGAN.plus(20))
    rebuilt = rebuild(await recorded(tmp_path, load(), outcome=outcome), KINDS)
    assert rebuilt.result.reasons == ("the operator stopped the load before its planned end",)
    assert [finding.evidence for finding in rebuilt.result.findings] == [("KeyError: 'csrf'",)]
    assert rebuilt.outcome.exit(rebuilt.result.result) == 4


async def test_a_kind_that_is_not_known_here_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    known, unknown = SourceInfo("redis@db", "redis", "db"), SourceInfo("kafka@db", "kafka", "db")
    found = result_of(await recorded(tmp_path, [known, unknown, *load()]))
    assert found.warnings == ("there is no collector of the kind kafka here: its tables are left out",)
    assert [source.name for source in found.sources] == ["redis@db", "kafka@db"]


# -- what was taken out of it


@pytest.mark.parametrize("name", ["/login?token=s3cr3t", 'Cookie: sessionid="x"', "/plain/"])
async def test_a_secret_in_a_judged_name_takes_no_threshold_with_it(tmp_path: Path, name: str) -> None:
    quoted = name.replace('"', "")
    threshold = f'p95{{name="{quoted}"}} < 800ms'
    path = await recorded(tmp_path, load(quoted), [threshold])
    with SessionReader(path) as reader:
        assert "s3cr3t" not in json.dumps(reader.meta)
    (view,) = result_of(path).thresholds
    assert (view.state, view.samples) == (ThresholdState.PASS, 240)


async def test_hosts_may_be_called_like_secrets(tmp_path: Path) -> None:
    config = Config(hosts={"auth": HostConfig(address="10.0.0.1"), "token-service": HostConfig()})
    assert result_of(await recorded(tmp_path, load(), config=config)).result is Verdict.PASS


# -- sessions without an end


async def test_a_session_that_was_cut_off_is_no_pass(tmp_path: Path) -> None:
    found = result_of(await recorded(tmp_path, load()[:-2], over=False))
    assert found.cut_off
    assert not found.running
    assert found.result is Verdict.INCONCLUSIVE
    assert found.reasons == ("the session was cut off at 12:21:12 UTC: it was killed, or it still goes on",)
    assert found.total.requests == 240
    assert found.session_sha256 == ""


async def test_what_had_failed_for_certain_stays_failed(tmp_path: Path) -> None:
    found = result_of(await recorded(tmp_path, load(ms=900.0)[:-2], over=False))
    assert found.result is Verdict.FAIL
    assert any("cut off" in reason for reason in found.reasons)


async def test_a_count_that_might_still_have_been_reached_has_not_failed(tmp_path: Path) -> None:
    found = result_of(await recorded(tmp_path, load(), ["requests >= 1000"], over=False))
    assert found.thresholds[0].state is ThresholdState.UNKNOWN
    assert found.result is Verdict.INCONCLUSIVE


# -- files that are not as they should be


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("config", None, "its configuration is not in it"),
        ("config", {"gate": {"treshold": []}}, "its configuration: unknown key"),
        ("began", None, "when it began is not in it"),
        (KEY, {"ended": ""}, "how it came out is damaged"),
    ],
)
async def test_a_damaged_file_says_what_is_missing(tmp_path: Path, key: str, value: object, why: str) -> None:
    path = await recorded(tmp_path, load())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        if value is not None:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, json.dumps(value)))
        connection.commit()
    with pytest.raises(SessionError) as caught:
        result_of(path)
    assert str(path) in caught.value.what
    assert why in caught.value.why


_FIGURES = (
    *("result", "title", "host", "began", "ended", "running", "users", "total", "steps", "requests"),
    *("errors", "errors_left_out", "cut_off", "reconciled", "doubts", "generator"),
)
"""What of a record no later Rampdeck may tell otherwise; words may change, and so may when it was judged."""


def holds(found: Any, said: Any) -> bool:
    """Return whether something has at least what was said; keys may have been added."""
    if isinstance(said, dict):
        return all(key in found and holds(found[key], part) for key, part in said.items())
    if isinstance(said, list):
        return len(found) == len(said) and all(map(holds, found, said))
    return bool(found == said)


def test_a_session_of_an_older_format_gives_what_its_run_said(tmp_path: Path) -> None:
    """Recorded by the Rampdeck that wrote format 2, together with the record that it wrote."""
    path = tmp_path / "version-2.sqlite"
    path.write_bytes((OLD / "version-2.sqlite").read_bytes())
    rebuilt = rebuild(path, KINDS)
    said, found = json.loads((OLD / "version-2.json").read_text()), to_json(rebuilt.result)
    assert any("format 2" in warning for warning in rebuilt.result.warnings)
    assert holds(found, {key: said[key] for key in _FIGURES})
    assert rebuilt.outcome.exit(rebuilt.result.result) == 1
    assert dumps(rebuilt.result)


# -- what was laid before the load


@pytest.mark.parametrize("checks", [grounds.GREEN, grounds.RED])
async def test_a_failed_check_that_one_went_on_in_spite_of_is_no_pass_in_a_report_either(
    tmp_path: Path, checks: Sequence[Any]
) -> None:
    laid = grounds.meta(*checks, went_on=("django.migrations",), guard=grounds.refusals(9, 3).to_meta())
    del laid["config"]
    found = result_of(await recorded(tmp_path, load(), **laid))
    green = checks is grounds.GREEN
    assert found.result is (Verdict.PASS if green else Verdict.INCONCLUSIVE)
    assert found.reasons == (() if green else ("the preflight failed: django.migrations, and one went on",))
    assert "the guard refused the scenario 127.0.0.2:8001, 12 times" in found.warnings
    assert found.groundwork is not None
    assert found.groundwork.preflight is not None
    assert len(found.groundwork.preflight.checks) == len(checks)


async def test_a_threshold_that_failed_is_a_fail_whatever_the_preflight_said(tmp_path: Path) -> None:
    laid = grounds.meta(*grounds.RED, went_on=("django.migrations",))
    del laid["config"]
    found = result_of(await recorded(tmp_path, load(ms=2_000.0), **laid))
    assert found.result is Verdict.FAIL
