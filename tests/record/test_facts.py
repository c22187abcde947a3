"""The facts of the release, given or asked for on this very machine."""

from __future__ import annotations

from rampdeck.config import Command, ReleaseConfig
from rampdeck.errors import HostUnreachable
from rampdeck.record import gather
from rampdeck.remote import Remote
from rampdeck.remote.local import LocalRemote


def local(host: str) -> Remote:
    if host != "local":
        raise HostUnreachable(f"cannot reach {host}", "no answer", "Is it up?")
    return LocalRemote()


async def test_facts_are_given_or_asked_for() -> None:
    release = ReleaseConfig(
        commit_sha=Command(command="printf '\\n8f3c1d2\\nsecond line\\n'"),
        image_tag="web-8f3c1d2",
        gunicorn_workers=Command(command="printf '\\033[31m4\\033[0m\\n'"),
        nginx_config_version=Command(command="head -c 1000000 /dev/zero | tr '\\0' x"),
        database_size_note=Command(command="echo postgres://u:hunter2@db"),
        notes="as it is",
    )
    facts = await gather(release, local)
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
    facts = await gather(release, local)
    assert facts.commit_sha == "not known: the command printed nothing"
    assert facts.image_tag == "not known: exit status 3, no such image"
    assert facts.gunicorn_workers.startswith("not known: exit status 127, ")
    assert facts.nginx_config_version == "not known: cannot reach web-9: no answer. Is it up?"
    assert facts.database_size_note == ""
