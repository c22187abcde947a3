"""The three words of the gate, each of a real run of the demo: what was wrong, the exit code, every file.

The load is light, so that it is not this machine that is judged: FAIL comes of
a page that waits for a second, INCONCLUSIVE of a database that nobody could see.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.run.conftest import Project

LOAD = ("-u", "8", "-r", "8", "-t", "20s")
SLOW = "p95{name=/dashboard/} < 800ms"


@dataclass(frozen=True)
class Ended:
    """A run that has ended, and its files."""

    project: Project
    done: subprocess.CompletedProcess[str]

    @property
    def told(self) -> str:
        """The verdict and its reasons, as the terminal shows them at the end."""
        return self.done.stderr

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.project.session / "record.json").read_text())
        return found

    @property
    def text(self) -> str:
        return (self.project.session / "record.md").read_text()

    def again(self, form: str) -> str:
        """Return what the report makes of the session alone."""
        folder = str(self.project.session)
        done = self.project.run("report", folder, form)
        assert done.returncode == 0, done.stderr
        return done.stdout


def flown(folder: Path, *faults: str) -> Ended:
    project = Project(folder, site="")
    given = [part for fault in faults for part in ("--fault", fault)]
    return Ended(project, project.demo(*given, *LOAD))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return flown(tmp_path_factory.mktemp("failed"), "slow-endpoint")


@pytest.fixture(scope="module")
def inconclusive(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return flown(tmp_path_factory.mktemp("inconclusive"), "postgres-unseen")


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return flown(tmp_path_factory.mktemp("passed"))


@pytest.fixture(params=["FAIL", "INCONCLUSIVE", "PASS"])
def ended(request: pytest.FixtureRequest) -> tuple[str, Ended]:
    name = {"FAIL": "failed", "INCONCLUSIVE": "inconclusive", "PASS": "passed"}[request.param]
    return request.param, request.getfixturevalue(name)


def test_a_slow_page_fails_the_run_and_the_sentence_names_the_page(failed: Ended) -> None:
    assert failed.done.returncode == 1, failed.told
    (reason,) = [reason for reason in failed.record["reasons"] if SLOW in reason]
    found = re.match(rf"{re.escape(SLOW)} failed: \d+ \d\d\d ms at step 1 \(8 users\)", plain(reason))
    assert found is not None, reason
    assert "FAIL\n  - p95" in failed.told
    assert reason in failed.told
    assert not [finding for finding in failed.record["findings"] if "blind" in finding["text"]]


def test_a_database_that_nobody_saw_for_half_of_the_run_is_inconclusive_and_the_shop_went_on(
    inconclusive: Ended,
) -> None:
    assert inconclusive.done.returncode == 3, inconclusive.told
    (reason,) = inconclusive.record["reasons"]
    found = re.fullmatch(
        r"postgres@staging was blind for (\d+) of (\d+) measured seconds, mostly: PostgreSQL at "
        r'127\.0\.0\.1:\d+: role "monitor" is not permitted to log in',
        reason,
    )
    assert found is not None, reason
    blind, measured = map(int, found.groups())
    assert measured / 4 < blind < measured
    assert reason in inconclusive.told
    assert {threshold["state"] for threshold in inconclusive.record["thresholds"]} <= {"pass", "warn"}
    assert inconclusive.record["total"]["failures"] == 0
    (gaps,) = [
        source["gaps"] for source in inconclusive.record["sources"] if source["name"] == "postgres@staging"
    ]
    assert gaps == 1


def test_a_release_that_is_deployed_during_the_run_is_no_pass(tmp_path: Path) -> None:
    """New workers are slow at first, so that a busy machine may FAIL it as well."""
    run = flown(tmp_path, "gunicorn-reload")
    assert run.done.returncode in (1, 3), run.told
    (reason,) = [reason for reason in run.record["reasons"] if "was reloaded" in reason]
    assert re.fullmatch(
        r"gunicorn@staging was reloaded (at .{8} UTC|\d times from .{8} UTC to .{8} UTC): "
        "before and after is not one system",
        reason,
    )
    assert run.record["total"]["failures"] == 0


def test_a_run_with_nothing_wrong_passes(passed: Ended) -> None:
    assert passed.done.returncode == 0, passed.told
    assert passed.record["reasons"] == []
    assert "Nothing speaks against it." in passed.text


def test_a_record_of_a_fault_cannot_be_taken_for_one_of_a_release(failed: Ended) -> None:
    assert failed.project.session.name.endswith("demo-shop-slow-endpoint")
    assert "broken on purpose: slow-endpoint" in failed.record["record"]["Notes"]


def test_the_verdict_and_its_reasons_stand_in_every_file_of_the_session(ended: tuple[str, Ended]) -> None:
    verdict, run = ended
    assert run.record["result"] == run.record["record"]["Result"] == verdict
    assert f"**{verdict}**" in run.text
    for reason in run.record["reasons"]:
        assert plain(reason) in plain(run.text)


@pytest.mark.parametrize("form", ["--md", "--json", "--html"])
def test_the_report_of_the_session_alone_says_the_same(ended: tuple[str, Ended], form: str) -> None:
    verdict, run = ended
    printed = run.again(form)
    if form == "--json":
        assert (json.loads(printed)["result"], json.loads(printed)["reasons"]) == (
            verdict,
            run.record["reasons"],
        )
        return
    assert verdict in printed
    for reason in run.record["reasons"]:
        assert plain(reason) in plain(printed)


def test_a_pipeline_sees_the_verdict_as_tests(ended: tuple[str, Ended]) -> None:
    verdict, run = ended
    cases = list(ET.fromstring(run.again("--junit")).iter("testcase"))
    assert cases
    failures = [plain("".join(node.itertext()) + node.get("message", "")) for case in cases for node in case]
    assert bool(failures) is (verdict != "PASS")
    for reason in run.record["reasons"]:
        assert any(plain(reason) in failure for failure in failures), failures


def plain(text: str) -> str:
    """Return text without its markup, with every blank an ordinary one."""
    text = re.sub(r"&lt;", "<", text).replace("&quot;", '"').replace("&#34;", '"').replace("&#x27;", "'")
    return re.sub(r"\s+", " ", re.sub(r"[`\\*]", "", text))
