"""The record says what stood before the load: what failed, what one went on in spite of, what was refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from rampdeck.record import before
from rampdeck.record.groundwork import Groundwork, PreflightResult, doubts
from rampdeck.record.markdown import markdown
from tests.record import grounds
from tests.record.grounds import GREEN, RED, check, laid, meta, refusals
from tests.record.scenes import SCENES


def preflight(*checks: dict[str, Any], **more: Any) -> PreflightResult:
    stored = meta(*checks)
    found = PreflightResult.of_meta({"preflight": stored["preflight"] | more})
    assert found is not None
    return found


def rows(stored: dict[str, Any]) -> dict[str, str]:
    return dict(before.rows(laid(stored)))


# -- what weighs


def test_a_failed_check_that_one_went_on_in_spite_of_takes_the_pass_away() -> None:
    stored = meta(*RED, went_on=("django.migrations",))
    assert doubts(stored, has_load=True) == ("the preflight failed: django.migrations, and one went on",)


def test_a_check_that_fails_when_it_is_looked_at_again_under_load_does_so_too() -> None:
    said = "the preflight, looked at again under load, failed: django.migrations"
    assert doubts(meta(*RED), has_load=True) == (said,)


def test_a_check_that_was_mended_under_load_had_failed_for_a_part_of_it() -> None:
    found = preflight(*GREEN, went_on=["django.debug"], mended=["django.debug"])
    assert tuple(found.doubts(has_load=True)) == ("the preflight failed: django.debug, and one went on",)


def test_a_check_that_one_accepted_and_that_was_mended_before_the_load_is_no_doubt() -> None:
    assert doubts(meta(*GREEN, went_on=("django.debug",)), has_load=True) == ()


@pytest.mark.parametrize("state", ["ok", "warning", "unknown", "skipped", "pending"])
def test_nothing_but_a_failed_check_is_a_doubt(state: str) -> None:
    assert doubts(meta(check("a.one", state), went_on=("a.one",)), has_load=True) == ()


def test_without_load_a_check_has_spoiled_nothing() -> None:
    assert doubts(meta(*RED, went_on=("django.migrations",)), has_load=False) == ()


@pytest.mark.parametrize("state", ["unknown", "pending"])
def test_what_could_not_be_found_out_is_a_warning(state: str) -> None:
    found = laid(meta(check("a.one", state), check("a.one", state, "app-2")))
    assert list(found.warnings()) == ["the preflight could not find out: a.one"]


def test_every_place_that_was_refused_is_a_warning_with_all_its_times() -> None:
    found = laid(meta(*GREEN, guard=refusals(9, 3, 1).to_meta()))
    assert list(found.warnings()) == [
        "the guard refused the scenario 127.0.0.2:8001, 12 times",
        "the guard refused the scenario 127.0.0.2:9000, once",
    ]


def test_of_many_places_that_were_refused_the_worst_are_named() -> None:
    *named, last = laid(meta(guard=refusals(*[2] * 20).to_meta())).warnings()
    assert len(named) == 8
    assert last == "the guard refused the scenario 11 other places"


# -- what is said


def test_all_green_is_one_line() -> None:
    found = laid(meta(*GREEN))
    assert before.headline(found.preflight) == "4 checks ok, looked at for 6.0 s at 12:20:52 UTC"
    assert before.not_ok(found.preflight) == ()


def test_the_worst_check_comes_first_and_those_left_out_are_named() -> None:
    found = laid(meta(*RED))
    assert before.headline(found.preflight) == (
        "1 failed, 1 not known, 2 warnings, 1 check ok, 1 left out, looked at for 6.0 s at 12:20:52 UTC"
    )
    assert [one.state for one in before.not_ok(found.preflight)] == [
        "failed",
        "unknown",
        "warning",
        "warning",
    ]
    assert rows(meta(*RED))["Left out"] == "release.candidate"


def test_what_a_failure_hides_is_named_below_it() -> None:
    cause = check("host.connects", "failed", host="app", found="app cannot be reached")
    hidden = [
        check(name, "unknown", host="app", because="host.connects at app") for name in ("clock", "files")
    ]
    own = check("own", "unknown", host="app"), check("lost", "unknown", because="what is not there")
    work = laid(meta(cause, *hidden, *own))
    assert [one.name for one in before.not_ok(work.preflight)] == ["host.connects", "own", "lost"]
    assert "Not known because of it: clock, files" in before.section(work)
    assert "1 failed, 4 not known" in before.headline(work.preflight)


def test_the_record_says_how_tls_ends_here_and_in_production() -> None:
    said = rows(meta(*GREEN))
    assert said["TLS here"].startswith("ends at the proxy (Server: nginx); TLS 1.3, TLS_AES_256_GCM_SHA384;")
    assert "certificate of CN=staging.example.com by CN=R11" in said["TLS here"]
    assert said["TLS in production"] == "TLS 1.3 at the load balancer"
    assert "how it differs is not known" in rows(meta(*GREEN, config={}))["TLS in production"]


def test_the_record_says_what_the_guard_cannot_see_whatever_the_preflight_found() -> None:
    for stored in (meta(*GREEN), meta(preflight=None)):
        assert "not what the application itself calls" in rows(stored)["Third parties"]
    assert rows(meta(*GREEN))["Third parties"].endswith("stubbed by the settings: payments")


def test_the_record_says_that_nobody_looked() -> None:
    assert "nobody looked at the stack before the load" in before.section(laid(meta(preflight=None)))


def test_the_record_says_who_confirmed_production_and_how() -> None:
    (said,) = [text for called, text in before.rows(grounds.spite()) if called == "Production"]
    assert "staging.example.com is production: it is on the list" in said
    assert said.endswith("; confirmed by Ada Lovelace, typed on the screen, 2026-11-22 12:20 UTC")


def test_a_ceiling_that_was_switched_off_is_told_as_none() -> None:
    said = rows(meta(ceilings=grounds.CEILINGS | {"spawn_rate": "inf", "emergency": False, "rps": 50.0}))
    assert said["Ceilings"] == "at most 10 000 users, all at once, at most 50 requests a second"
    assert said["Emergency stop"] == "switched off"
    told = before.to_json(laid(meta(ceilings=grounds.CEILINGS | {"users": math.inf})), str)
    assert told is not None
    assert told["ceilings"]["users"] is None


def test_whom_users_might_contact_is_told_with_their_addresses() -> None:
    assert rows(meta(*GREEN))["Users might contact"] == "staging.example.com (10.0.0.4, 10.0.1.0/24)"


# -- what a file may hold


def test_a_session_of_an_older_rampdeck_has_no_such_section() -> None:
    assert Groundwork.of_meta({"rampdeck": "0.1.0", "config": {}}) is None
    assert SCENES["cut-off"]().groundwork is None
    assert before.TITLE not in markdown(SCENES["cut-off"]())


@pytest.mark.parametrize(
    "stored",
    [
        {"preflight": "gone", "guard": [], "ceilings": 4, "production": "yes", "config": None},
        {"preflight": {"checks": [None, {"name": 4, "state": "great"}], "went_on": "a", "tls": {}}},
        {"guard": {"hosts": [{}], "refused": 1}, "production": {"confirmed": 3}, "ceilings": {}},
        {"guard": {"users": 10, "emergency": True}},
    ],
)
def test_what_is_damaged_is_left_out_and_not_taken_for_good(stored: dict[str, Any]) -> None:
    found = laid({"environment": "staging", **stored})
    assert before.section(found)
    json.dumps(before.to_json(found, str), allow_nan=False)
    if found.preflight:
        assert found.preflight.counts == {"unknown": 1}
