"""A disk that is full in the middle of a run costs neither the load nor what was recorded before."""

from __future__ import annotations

import resource
import shlex
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from rampdeck.model import Event, EventKind, RequestBatch
from rampdeck.store import SessionReader
from tests.run.conftest import Project, environment
from tests.run.test_headless import SETTLED, UNDISTURBED

TALKATIVE = "def home(self):\n        print('x' * 4000)"
LOAD = ("-u", "5", "-r", "20", "-t", "8s")
FILL = """
from locust import events

@events.test_stopping.add_listener
def fill(**_):
    with open("{disk}/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
"""
INCOMPLETE = "the session file is not complete"


@pytest.fixture
def talkative(project: Project) -> Project:
    """A project whose scenario fills a disk of one or two megabytes within seconds."""
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text.replace("def home(self):", TALKATIVE))
    return project


def test_a_file_that_may_not_grow_any_more(talkative: Project) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (600_000, 600_000))
    with talkative.start("run", "--headless", "-H", talkative.site, *LOAD, "-q", preexec_fn=limit) as process:
        try:
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    _was_told(err, process.returncode)
    result = talkative.result_of_record
    assert result["result"] == "INCONCLUSIVE", "a PASS is not claimed on a session that is not complete"
    assert any(INCOMPLETE in doubt for doubt in result["doubts"])
    _went_on(result["total"]["requests"], talkative.session / "session.sqlite")


def test_a_full_disk_sends_the_record_elsewhere(talkative: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code, err, copy = _on_a_small_disk(talkative, elsewhere)
    _was_told(err, code)
    assert "the disk is full" in err or "no space left" in err
    (record,) = elsewhere.glob("rampdeck-record-*/record.md")
    assert f"The record is in {record} instead" in err
    text = record.read_text()
    assert "INCONCLUSIVE" in text
    assert INCOMPLETE in text
    _went_on(1, copy)


def test_where_nothing_can_be_written_the_record_is_said(project: Project) -> None:
    project.write("rampdeck.toml", SETTLED + UNDISTURBED)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (4_000, 4_000))
    with project.start("run", "--headless", "-H", project.site, *LOAD, "-q", preexec_fn=limit) as process:
        try:
            err = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    _was_told(err, process.returncode)
    said = err.split("The record cannot be written anywhere, so it stands here:")[1]
    assert "**INCONCLUSIVE**" in said
    assert INCOMPLETE in said
    assert "Test scenarios" in said


def _on_a_small_disk(project: Project, temporary: Path) -> tuple[int, str, Path]:
    """Run on a tmpfs of its own; returns the exit code, stderr and a copy of the session file."""
    disk, copy = project.folder / "disk", project.folder / "copy"
    disk.mkdir()
    text = (project.folder / "locustfile.py").read_text()
    project.write("locustfile.py", text + FILL.format(disk=disk))
    command = project.command(
        "run", "--headless", "-H", project.site, *LOAD, "-q", "--record", str(disk / "sessions")
    )
    where = shlex.quote(str(disk))
    script = f"mount -t tmpfs -o size=1536k none {where} || exit 99\n{shlex.join(command)}\ncode=$?\n"
    script += f"cp -a {where}/sessions {shlex.quote(str(copy))}; exit $code\n"
    namespace = ["unshare", "--mount", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    done = subprocess.run(
        [*namespace, "sh", "-c", script],
        cwd=project.folder,
        env={**environment(), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 99:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    (session,) = copy.glob("*/session.sqlite")
    return done.returncode, done.stderr, session


def _was_told(err: str, code: int) -> None:
    """While it happened, with --quiet too, and by the exit code."""
    assert code == 3, err
    assert INCOMPLETE in err.split("\nINCONCLUSIVE", maxsplit=1)[0], err
    assert "Traceback" not in err


def _went_on(requests: int, session: Path) -> None:
    """The load did, to its planned end; and what was recorded before is there."""
    with SessionReader(session) as reader:
        items = list(reader.items())
    recorded = sum(
        stats.successes.count for item in items if isinstance(item, RequestBatch) for stats in item.entries
    )
    assert recorded > 0
    assert requests >= recorded or requests == 1
    assert any(isinstance(item, Event) and item.kind is EventKind.LOG for item in items)
