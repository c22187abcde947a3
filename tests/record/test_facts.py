"""The record's fields: given, asked for on this very machine, or taken from what the stack says of itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rampdeck.config import Command, ReleaseConfig
from rampdeck.errors import HostUnreachable
from rampdeck.facts import FactPair, known, unknown
from rampdeck.gatherer import Gatherer
from rampdeck.record.facts import fields
from rampdeck.record.result import RecordFields
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote


def local(host: str) -> Remote:
    if host != "local":
        raise HostUnreachable(f"cannot reach {host}", "no answer", "Is it up?")
    return LocalRemote()


async def gather(release: ReleaseConfig) -> RecordFields:
    gatherer = Gatherer((), release, local)
    await gatherer.begin()
    return fields(release, gatherer.pairs)


async def test_facts_are_given_or_asked_for() -> None:
    release = ReleaseConfig(
        commit_sha=Command(command="printf '\\n8f3c1d2\\nsecond line\\n'"),
        image_tag="web-8f3c1d2",
        gunicorn_workers=Command(command="printf '\\033[31m4\\033[0m\\n'"),
        nginx_config_version=Command(command="head -c 1000000 /dev/zero | tr '\\0' x"),
        database_size_note=Command(command="echo postgres://u:hunter2@db"),
        notes="as it is",
    )
    facts = await gather(release)
    assert facts.commit_sha == "8f3c1d2"
    assert facts.image_tag == "web-8f3c1d2"
    assert facts.gunicorn_workers == "4"
    assert len(facts.nginx_config_version) == 200
    assert facts.database_size_note == "postgres://u:***@db"
    assert (facts.notes, facts.date, facts.result) == ("as it is", "", "")


async def test_a_fact_that_cannot_be_had_says_why() -> None:
    release = ReleaseConfig(
        commit_sha=Command(command="true"),
        image_tag=Command(command="echo no such image >&2; exit 3"),
        gunicorn_workers=Command(command="no-such-command-here"),
        nginx_config_version=Command(command="nginx -v", host="web-9"),
    )
    assert fields(release, ()).commit_sha == "not known: no answer so far"
    facts = await gather(release)
    assert facts.commit_sha == "not known: the command printed nothing"
    assert facts.image_tag == "not known: exit status 3, no such image"
    assert facts.gunicorn_workers.startswith("not known: exit status 127, ")
    assert facts.nginx_config_version == "not known: cannot reach web-9: no answer. Is it up?"
    assert facts.database_size_note == ""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


async def test_a_new_commit_in_the_release_folder_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is not committed yet; git writes nothing there."""
    (tmp_path / "app.py").write_text("one")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-16T09:00:00+0100")
    git(tmp_path, "commit", "-m", "one")
    first = git(tmp_path, "rev-parse", "HEAD")
    index = (tmp_path / ".git/index").read_bytes()
    release = ReleaseConfig(folder=str(tmp_path))
    gatherer = Gatherer((), release, local)
    await gatherer.begin()
    assert fields(release, gatherer.pairs).commit_sha == first
    assert (tmp_path / ".git/index").read_bytes() == index
    facts = {fact.name: fact for fact in await gatherer.told("[release] folder")}
    assert facts["release.changed"].value == "2026-11-16 08:00:00 UTC"
    (tmp_path / "app.py").write_text("two")
    git(tmp_path, "commit", "-am", "two")
    (tmp_path / "app.py").write_text("three")
    await gatherer.end(20)
    second = git(tmp_path, "rev-parse", "HEAD")
    found = {pair.fact.name: pair for pair in gatherer.pairs}
    assert found["release.commit"].changed
    assert found["release.uncommitted"].fact.value == "M app.py"
    field = fields(release, gatherer.pairs).commit_sha
    assert field == f"{first}, at the end {second}, with uncommitted changes"


async def test_a_folder_without_git_may_have_a_file_that_names_the_commit(tmp_path: Path) -> None:
    (tmp_path / "it's").mkdir()
    release = ReleaseConfig(folder=str(tmp_path / "it's"))
    (tmp_path / "it's" / "REVISION").write_text("8f3c1d2\n")
    assert (await gather(release)).commit_sha == "8f3c1d2"
    os.utime(tmp_path / "it's" / "REVISION", (0, 86_400))
    gatherer = Gatherer((), release, local)
    await gatherer.begin()
    changed = {fact.name: fact for fact in await gatherer.told("[release] folder")}["release.changed"]
    assert changed.value == "1970-01-02 00:00:00 UTC"
    nowhere = await gather(ReleaseConfig(folder=str(tmp_path / "none")))
    assert nowhere.commit_sha.startswith("not known: exit status 2")


def pair(name: str, value: str, title: str = "", why: str = "") -> FactPair:
    fact = known(name, title, value, "asked") if value else unknown(name, title, why)
    return FactPair(f"{fact.kind}@web", fact, None)


def test_the_fields_are_complete_without_a_word_typed() -> None:
    pairs = (
        pair("gunicorn.image", "web:1.4"),
        pair("gunicorn.image_revision", "8f3c1d2"),
        pair("gunicorn.workers", "4"),
        pair("gunicorn.worker_class", "gthread"),
        pair("gunicorn.timeout", "30"),
        pair("nginx.config_sha256", "abc"),
        pair("postgres.database_size", "11 MB"),
        pair("postgres.rows.orders_order", "5000", "Rows of orders_order"),
    )
    found = fields(ReleaseConfig(image_tag="as we say"), pairs)
    assert found.commit_sha == "8f3c1d2"
    assert found.image_tag == "as we say"
    assert found.gunicorn_workers == "4, gthread, timeout 30"
    assert found.nginx_config_version == "abc"
    assert found.database_size_note == "11 MB; orders_order 5000 rows"


def test_what_the_stack_does_not_tell_says_why_and_what_nobody_watches_stays_empty() -> None:
    found = fields(ReleaseConfig(), (pair("nginx.config_sha256", "", why="no right"),))
    assert found.nginx_config_version == "not known: no right"
    assert found.gunicorn_workers == ""
