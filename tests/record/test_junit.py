"""The JUnit XML keeps to the schemas that are in use, and is red exactly when the verdict is not PASS."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import HealthCheck, Phase, given, settings

from rampdeck.record.junit import junit
from rampdeck.record.result import Result
from rampdeck.snapshot import ThresholdState, Verdict
from tests.record.hostile import HOSTILE
from tests.record.made import results
from tests.record.scenes import SCENES, passed

JENKINS = xmlschema.XMLSchema10(Path(__file__).parent / "data" / "junit-10.xsd")
"""Jenkins's schema, as pytest's own tests have it."""


def suites(result: Result) -> dict[str, ET.Element]:
    """The suites by their name, without the title."""
    return {
        suite.get("name", "").rpartition(": ")[2]: suite
        for suite in ET.fromstring(junit(result)).iter("testsuite")
    }


def outcomes(suite: ET.Element) -> dict[str, str]:
    """What came of each case of a suite, by its name."""
    return {case.get("name", ""): case[0].tag if len(case) else "passed" for case in suite.iter("testcase")}


def faults(text: str) -> list[str]:
    """What is wrong by Jenkins's schema, and by Ant's, which wants more (windyroad's JUnit.xsd)."""
    found = [str(fault.reason) for fault in JENKINS.iter_errors(text)]
    root = ET.fromstring(text)
    if root.attrib:
        found.append("Ant's testsuites has no attributes")
    for place, suite in enumerate(root):
        parts = [part.tag for part in suite]
        cases = list(suite.iter("testcase"))
        if parts != ["properties", *["testcase"] * len(cases), "system-out", "system-err"]:
            found.append(f"Ant wants another order than {parts}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", "")):
            found.append(f"Ant has no such time: {suite.get('timestamp')}")
        if suite.get("id") != str(place) or not (suite.get("package") and suite.get("hostname")):
            found.append("Ant wants id, package and hostname")
        for case in cases:
            if len(case) > 1 or not {"name", "classname", "time"} <= set(case.attrib):
                found.append(f"Ant wants one outcome and three attributes: {case.attrib}")
            found += [
                f"Ant wants the type of {one.tag}"
                for one in case
                if one.tag != "skipped" and "type" not in one.attrib
            ]
        counted = {
            "tests": len(cases),
            **{f"{what}s": len(list(suite.iter(what))) for what in ("failure", "error")},
            "skipped": len(list(suite.iter("skipped"))),
        }
        if wrong := {what: count for what, count in counted.items() if suite.get(what) != str(count)}:
            found.append(f"the counts are {wrong}")
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    if len(names) != len(set(names)):
        found.append("GitLab drops cases of one name")
    return found


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_keeps_to_the_schemas(name: str) -> None:
    assert faults(junit(SCENES[name]())) == []


@given(results())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
def test_every_result_whatever_it_holds_keeps_to_them(result: Result) -> None:
    assert faults(junit(result)) == []


def test_the_check_itself_sees_what_is_wrong() -> None:
    good = junit(passed())
    assert faults(good.replace('tests="2"', 'tests="3"', 1)) == ["the counts are {'tests': 2}"]
    assert faults(good.replace("<testcase name=", "<testcase nome=", 1))
    assert faults(good.replace("<system-err />", "", 1))


@pytest.mark.parametrize("name", SCENES)
def test_it_is_red_exactly_when_the_verdict_is_not_pass(name: str) -> None:
    result = SCENES[name]()
    root = ET.fromstring(junit(result))
    red = [*root.iter("failure"), *root.iter("error")]
    assert bool(red) is (result.result is not Verdict.PASS)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_verdict_without_any_reason_is_red_nonetheless(verdict: Verdict) -> None:
    session = suites(replace(passed(), result=verdict))["session"]
    assert outcomes(session)["Verdict of the gate"] == {"FAIL": "failure", "INCONCLUSIVE": "error"}[verdict]


def test_there_is_one_case_for_each_threshold_and_step() -> None:
    found = suites(SCENES["failed"]())
    assert list(found) == ["session", "step 1 baseline", "step 2 busy", "step 3 peak"]
    assert outcomes(found["step 1 baseline"]) == {
        "step 1 (60 users) can be trusted": "passed",
        "p95 < 800ms at step 1 (60 users)": "passed",
        "error_rate < 1% at step 1 (60 users)": "passed",
        "rps >= 10 at step 1 (60 users)": "passed",
    }
    assert outcomes(found["step 3 peak"]) == {
        "step 3 (300 users) can be trusted": "passed",
        "p95 < 800ms at step 3 (300 users)": "failure",
        "error_rate{name=/checkout/, method=POST} < 1% at step 3 (300 users)": "failure",
        "rps >= 10 at step 3 (300 users)": "passed",
        "postgres.connections < 80% at step 3 (300 users)": "passed",
        "host.cpu < 85% for 30s at step 3 (300 users)": "skipped",
        "p99{name=/x} < 1s at step 3 (300 users)": "error",
    }


def test_a_failure_says_the_sentence_and_the_figures() -> None:
    (failure, *_) = suites(SCENES["failed"]())["step 3 peak"].iter("failure")
    assert failure.get("message") == "p95 < 800ms failed: 1 108 ms at step 3 (300 users)"
    assert (failure.text or "").splitlines() == [
        "worst: 1 108 ms at step 3 (300 users)",
        "limit: < 800 ms",
        "margin: -38 %",
        "first breach: 12:28:10 UTC",
        "breaches: 2",
        "longest breach: 3 min 29 s",
        "samples: 600",
    ]


def test_doubts_are_errors_of_the_session_and_marks_are_errors_of_their_level() -> None:
    found = suites(SCENES["blind"]())
    assert outcomes(found["session"]) == {
        "Verdict of the gate": "error",
        "Can this run be trusted? (1)": "error",
    }
    assert outcomes(found["step 3 peak"])["step 3 (300 users) can be trusted"] == "error"
    assert outcomes(found["step 3 peak"])["postgres.connections < 80% at step 3 (300 users)"] == "error"
    assert outcomes(suites(passed())["session"])["Can this run be trusted?"] == "passed"


def test_what_no_level_shows_is_a_case_of_the_session() -> None:
    made = passed()
    count = replace(made.thresholds[2], expression="requests >= 1000", label="requests")
    between = replace(made.thresholds[0], failed=True)
    failed = replace(made, result=Verdict.FAIL, thresholds=(between, *made.thresholds[1:], count))
    assert outcomes(suites(failed)["session"]) == {
        "Verdict of the gate": "failure",
        "Can this run be trusted?": "passed",
        "p95 < 800ms": "failure",
        "requests >= 1000": "passed",
    }


def test_what_one_level_could_not_judge_is_not_green_where_the_run_passed_nonetheless() -> None:
    made = passed()
    first = made.steps[0]
    unknown = replace(first.thresholds[0], state=ThresholdState.UNKNOWN, value=None, samples=3)
    result = replace(made, steps=(replace(first, thresholds=(unknown,)), *made.steps[1:]))
    name = "p95 < 800ms at step 1 (60 users)"
    assert outcomes(suites(result)["step 1 baseline"])[name] == "skipped"
    doubted = replace(result, result=Verdict.INCONCLUSIVE)
    assert outcomes(suites(doubted)["step 1 baseline"])[name] == "error"


def test_a_level_that_was_not_measured_is_an_error() -> None:
    level = suites(SCENES["cut-off"]())["step 2 busy"]
    assert outcomes(level) == {"step 2 (240 users) was measured": "error"}


def test_a_person_who_overrules_does_not_make_it_green() -> None:
    session = suites(SCENES["overruled"]())["session"]
    properties = {one.get("name"): one.get("value") for one in session.iter("property")}
    assert properties["verdict"] == "FAIL"
    assert properties["decision"] == "PASS"
    assert properties["decision.by"] == "Grace Hopper"
    assert outcomes(session)["Verdict of the gate"] == "failure"
    assert "PASS, overruled by Grace Hopper" in (session.findtext("system-out") or "")


def test_it_says_when_where_and_of_which_session() -> None:
    found = suites(passed())
    assert [suite.get("timestamp") for suite in found.values()] == [
        "2026-11-22T12:21:00",
        "2026-11-22T12:21:00",
        "2026-11-22T12:24:25",
        "2026-11-22T12:27:50",
    ]
    assert [suite.get("time") for suite in found.values()] == ["615.000", *["180.000"] * 3]
    properties = {one.get("name"): one.get("value") for one in found["session"].iter("property")}
    assert properties["host"] == "https://staging.example.com"
    assert properties["session.sha256"] == passed().session_sha256
    assert properties["record.Commit SHA"] == "8f3c1d2"


def test_a_title_with_dots_stays_one_package() -> None:
    text = junit(replace(passed(), title="release 2026.11.2"))
    classes = {case.get("classname") for case in ET.fromstring(text).iter("testcase")}
    assert "release 2026_11_2.step 3 peak" in classes


def test_hostile_text_is_text_and_secrets_are_gone() -> None:
    text = junit(SCENES["hostile"]())
    assert "\x00" not in text
    assert "\x1b" not in text
    (case, *_) = suites(SCENES["hostile"]())["session"].iter("error")
    assert "<script>alert(1)</script>" in (case.get("message") or "")
    assert "\N{REPLACEMENT CHARACTER}" in (case.text or "")
    assert HOSTILE not in text
    leaky = junit(replace(passed(), title="password=hunter2", doubts=("redis://:hunter2@db",)))
    assert "hunter2" not in leaky
