"""Whether what runs is what is to be released."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rampdeck.errors import RampdeckError
from rampdeck.facts import Fact
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.checks.services import start
from rampdeck.preflight.processes import ProcessStatus, Running, moment, processes
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, WAIT, Told, listed, told

SHORT = 7
"""Digits of a commit from which on it names one."""
SLACK = 2.0
"""Seconds by which the start of a process is not known exactly (its boot is told in whole ones)."""
GIVEN = "rampdeck.toml"
"""Where a fact is from that nobody asked for."""
_SHA = re.compile(r"\b[0-9a-f]{7,64}\b")
_WHENCE = '[release] folder = "/srv/app", with host, lets it be asked'


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that tells what runs: a commit or an image, at a place, as ``fact`` says."""

    place: str
    fact: Fact


@check(
    "release.candidate",
    "Release candidate runs",
    expected="the commit or image that is to be released, in processes started after it was put there",
    why="Figures of another commit say nothing of the one that goes to production.",
    effect="The record names what ran; it is no evidence for another release.",
    patience=PATIENCE,
)
async def candidate(stack: Stack) -> Iterable[Found]:
    """Compare what runs with what is expected, and the processes with their files."""
    release, applications, running = await asyncio.gather(
        _release(stack), told(stack, *APPLICATIONS), stack.ask(processes)
    )
    wanted = stack.settings.preflight
    found: list[Found] = []
    commits = [*_of(release, "commit", "commit_sha"), *_of_applications(applications, "image_revision")]
    images = [*_of(release, "image_tag"), *_of_applications(applications, "image")]
    found += _compared("commit", wanted.commit, commits)
    found += _compared("image", wanted.image, images, _ids(applications))
    if not (wanted.commit or wanted.image):
        found.append(_untold([*commits, *images], asked=bool(applications or release)))
    found += _uncommitted(release, wanted.commit)
    found += _older(stack, release, applications, running)
    return found


async def _release(stack: Stack) -> Mapping[str, Fact]:
    """Return the facts of ``[release]`` by their names; where nobody answered, why."""
    found: dict[str, Fact] = {}
    release = stack.settings.release
    keys = [key for key in ("folder", "commit_sha", "image_tag") if getattr(release, key)]

    async def ask(key: str) -> None:
        try:
            facts = await asyncio.wait_for(stack.gatherer.told(f"[release] {key}"), WAIT)
            found.update((fact.name, fact) for fact in facts)
        except (RampdeckError, TimeoutError) as error:
            why = error.why or error.what if isinstance(error, RampdeckError) else "no answer"
            name = "release.commit" if key == "folder" else f"release.{key}"
            found[name] = Fact(name, key, "", "", why)

    await asyncio.gather(*map(ask, keys))
    return found


def _of(release: Mapping[str, Fact], *names: str) -> list[Evidence]:
    there = [release[f"release.{name}"] for name in names if f"release.{name}" in release]
    return [Evidence(f"[release] {fact.name.partition('.')[2]}", fact) for fact in there]


def _of_applications(applications: Iterable[Told], name: str) -> list[Evidence]:
    facts = ((one, one.facts.get(f"{one.kind}.{name}")) for one in applications)
    return [Evidence(one.name, fact) for one, fact in facts if fact is not None]


def _ids(applications: Iterable[Told]) -> Mapping[str, str]:
    return {one.name: one.value("image_id") for one in applications}


def _compared(
    what: str, expected: str, there: Sequence[Evidence], ids: Mapping[str, str] | None = None
) -> Iterator[Found]:
    if not expected:
        return
    if not there:
        yield unknown(f"nothing tells which {what} runs", _WHENCE, expected=expected)
    for one in there:
        value = one.fact.value
        if not value:
            yield unknown(f"the {what} is not known: {one.fact.why}", _WHENCE, one.place, expected=expected)
        elif not _is(what, expected, value, (ids or {}).get(one.place, "")):
            fix = f"Deploy {expected}, or test what runs: --{what} {_name(what, value)}"
            yield failed(f"{value} runs", fix, one.place, expected=expected)
        elif one.fact.provenance == GIVEN:
            words = f"{value}, but only {GIVEN} says so: nobody looked"
            yield warning(words, _WHENCE, one.place, expected=expected)
        else:
            yield ok(f"{value} runs", one.place, expected=expected)


def _is(what: str, expected: str, value: str, identity: str) -> bool:
    if what == "commit":
        wanted, shas = expected.lower(), [sha[0] for sha in _SHA.finditer(value.lower())]
        if len(wanted) < SHORT or not _SHA.fullmatch(wanted):
            return value == expected
        return bool(shas) and all(sha.startswith(wanted) or wanted.startswith(sha) for sha in shas)
    if expected.startswith("sha256:"):
        return any(
            all(one.startswith(expected) for one in listed(text)) for text in (identity, value) if text
        )
    return all(_same_image(expected, one) for one in listed(value))


def _same_image(expected: str, image: str) -> bool:
    """Return whether an image is meant: by its whole name, without its registry, or by its tag alone."""
    return image == expected or image.endswith(f"/{expected}") or image.rpartition(":")[2] == expected


def _name(what: str, value: str) -> str:
    sha = _SHA.search(value) if what == "commit" else None
    return sha[0] if sha else value.partition(",")[0]


def _untold(there: Sequence[Evidence], *, asked: bool) -> Found:
    runs = "; ".join(f"{one.place} {one.fact.value}" for one in there if one.fact.value)
    said = f"nobody says which release is to be tested; there is {runs}" if runs else ""
    said = said or "nobody says which release is to be tested, and nothing tells which one runs"
    commit = next((one.fact.value for one in there if _SHA.search(one.fact.value)), "")
    fix = f"--commit {_name('commit', commit) or 'SHA'}, or [preflight] commit, or image"
    if not asked:
        return skipped(said, fix)  # a load and nothing else: nobody looks behind the target
    return warning(said, fix, expected="the release that is named")


def _uncommitted(release: Mapping[str, Fact], expected: str) -> Iterator[Found]:
    fact = release.get("release.uncommitted")
    if fact is None or fact.value in ("", "none"):
        return
    said, where = f"the checkout has changes of its own: {fact.value}", "[release] folder"
    fix = "git status there, then git stash, or commit them and deploy that"
    yield failed(said, fix, where) if expected else warning(said, fix, where)


def _older(
    stack: Stack, release: Mapping[str, Fact], applications: Iterable[Told], running: Running
) -> Iterator[Found]:
    """Yield what runs older code than that on disk."""
    changed = release.get("release.changed")
    since = _utc(changed.value) if changed else None
    if since is None:
        return
    commit = release["release.commit"].value[:12] if "release.commit" in release else "another commit"
    for one in applications:
        if one.source.host != stack.settings.release.host or one.value("containers"):
            continue
        loaded = _loaded(one, running.get(one.name, ()))
        if loaded is not None and loaded < since - SLACK:
            said = f"the files are of {commit} since {moment(since)}, but a process was started before"
            yield failed(f"{said}, {moment(loaded)}", start(one, "restart"), one.name)
        elif loaded is not None:
            yield ok(f"started {moment(loaded)}, after the files came ({moment(since)})", one.name)


def _loaded(one: Told, seen: Sequence[ProcessStatus]) -> float | None:
    """Return when the oldest process read its code: a worker, or with ``preload_app`` the arbiter."""
    if not seen:
        return None
    workers = {int(text) for text in listed(one.value("worker_pids")) if text.isdecimal()}
    own = [process for process in seen if process.pid in workers]
    if one.value("preload_app") == "True" or not own:
        return seen[0].started
    return min(process.started for process in own)


def _utc(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


CHECKS = (candidate,)
