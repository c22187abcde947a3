"""The facts of the release, given or asked for on the hosts, and the record's fields from all facts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rampdeck.config import Command, ReleaseConfig
from rampdeck.facts import Fact, FactPair, known, listed, unknown
from rampdeck.record.result import NINE, RecordFields
from rampdeck.secrets import redact
from rampdeck.text import clean

if TYPE_CHECKING:
    from rampdeck.remote import Completed, Shell

_NAMES = ("commit_sha", "image_tag", "gunicorn_workers", "nginx_config_version", "database_size_note")
MOST = 200
"""Characters that are kept of an answer."""
COMMIT = """LC_ALL=C; export LC_ALL; cd -- FOLDER || exit; pwd -P
if [ ! -e .git ] && [ -r REVISION ]; then echo REVISION; head -n 1 REVISION; stat -c @%Y REVISION; else
echo git; git rev-parse HEAD && { git log -g -1 --date=unix --format=%gd 2>/dev/null || :; }; fi"""
"""Which commit a folder is of, and since when: git's own word, or Capistrano's file of that name."""
STATUS = """LC_ALL=C; export LC_ALL; cd -- FOLDER || exit
git --no-optional-locks -c core.fsmonitor=false status --porcelain --untracked-files=no"""
"""What in it differs from that commit; git writes nothing and starts nothing."""
_SHA256 = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")
"""A hash, of which a field needs no more than the first digits."""
_SINCE = re.compile(r"@\{?(\d{1,11})\}?$")
_TO_GIT = "dubious ownership"


@dataclass(frozen=True)
class Question:
    """A fact of ``[release]``: given as text, or the commands that tell it, and on which host."""

    key: str
    host: str
    text: str = ""
    commands: tuple[str, ...] = ()

    async def ask(self, shell: Shell) -> tuple[Fact, ...]:
        """Return what is told; raises :class:`RampdeckError` where the host cannot be asked."""
        if self.key == "folder":
            return await _of_folder(shell, *self.commands)
        name, title = f"release.{self.key}", NINE[self.key]
        moves = self.key == "database_size_note"
        if not self.commands:
            return (known(name, title, self.text, "rampdeck.toml", moves=moves),)
        (command,) = self.commands
        answer, why = _answer(await shell.run(command))
        if not answer:
            return (unknown(name, title, why, command),)
        return (known(name, title, answer, command, moves=moves),)


def questions(release: ReleaseConfig) -> tuple[Question, ...]:
    """Return everything that a configuration wants to be told of the release."""
    found = []
    for key in _NAMES:
        given = getattr(release, key)
        if isinstance(given, Command):
            found.append(Question(key, given.host, commands=(given.command,)))
        elif given:
            found.append(Question(key, "local", given))
    if release.folder:
        folder = shlex.quote(release.folder)
        commands = tuple(command.replace("FOLDER", folder, 1) for command in (COMMIT, STATUS))
        found.append(Question("folder", release.host, commands=commands))
    return tuple(found)


async def _of_folder(shell: Shell, commit: str, status: str) -> tuple[Fact, ...]:
    done = await shell.run(commit)
    lines = [*done.stdout.decode("utf-8", "replace").splitlines(), "", "", "", ""]
    place, whence, sha = clean(lines[0]), lines[1], clean(lines[2], MOST)
    provenance = f"{'git rev-parse HEAD' if whence == 'git' else 'the file REVISION'} in {place}"
    if done.status or not sha:
        why = _complaint(done) or "there is neither a git repository nor a file REVISION"
        if _TO_GIT in why:
            why += f". For that user: git config --global --add safe.directory {place}"
        return (unknown("release.commit", "Commit", why, provenance if place else commit),)
    facts = [
        known("release.folder", "Release folder", place, "pwd -P"),
        known("release.commit", "Commit", sha, provenance),
    ]
    if since := _SINCE.search(lines[3]):
        moment = datetime.fromtimestamp(int(since[1]), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        asked = "git log -g" if whence == "git" else "the time of the file REVISION"
        facts.append(known("release.changed", "At that commit since", moment, f"{asked} in {place}"))
    if whence == "git":
        facts.append(_uncommitted(await shell.run(status), place))
    return tuple(facts)


def _uncommitted(done: Completed, place: str) -> Fact:
    name, title = "release.uncommitted", "Uncommitted changes"
    provenance = f"git status --porcelain in {place}"
    if done.status:
        return unknown(name, title, _complaint(done), provenance)
    changed = done.stdout.decode("utf-8", "replace").splitlines()
    return known(name, title, listed(map(str.strip, changed)) if changed else "none", provenance)


def _answer(done: Completed) -> tuple[str, str]:
    """Return the first line of an answer, or why there is none."""
    if done.status != 0:
        return "", _complaint(done)
    return _first_line(done.stdout), "the command printed nothing"


def _complaint(done: Completed) -> str:
    said = _first_line(done.stderr)
    return f"exit status {done.status}" + (f", {said}" if said else "") if done.status else said


def _first_line(output: bytes) -> str:
    text = output.decode("utf-8", "replace").strip()
    # First without secrets: of a password that is cut in half, no rule would know the half.
    return clean(redact(text.splitlines()[0]), MOST).strip() if text else ""


# -- the record's fields


def fields(release: ReleaseConfig, pairs: Sequence[FactPair]) -> RecordFields:
    """Return the record's fields that are no figures: what ``[release]`` gives, else what the stack says.

    One that cannot be had reads ``not known: ...``: that is told, but does not weigh in the verdict.
    """
    by_name: dict[str, FactPair] = {}
    for pair in pairs:
        by_name.setdefault(pair.fact.name, pair)
    found = {name: _field(name, release, by_name) for name in _NAMES}
    return RecordFields(**found, notes=release.notes)


def _field(name: str, release: ReleaseConfig, pairs: Mapping[str, FactPair]) -> str:
    given = getattr(release, name)
    if isinstance(given, str) and given:
        return given
    if isinstance(given, Command):
        pair = pairs.get(f"release.{name}")
        # Whoever did not answer at all has no fact of that name.
        pair = pair or next((one for one in pairs.values() if one.source == f"[release] {name}"), None)
        return _said(pair) if pair else redact(_unknown("no answer so far"))
    return _DERIVED[name](pairs)


def _said(pair: FactPair | None) -> str:
    """Return the value as a field tells it: both where it changed, or why there is none."""
    if pair is None:
        return ""
    if pair.changed and not pair.fact.moves and pair.start and pair.end:
        return f"{pair.start.value}, at the end {pair.end.value}"
    return pair.fact.value or _unknown(pair.fact.why)


def _unknown(why: str) -> str:
    return clean(redact(f"not known: {why}"), MOST)


def _first(pairs: Mapping[str, FactPair], *names: str) -> FactPair | None:
    """Return the first of these that has a value, or else the first that says why it has none."""
    found = [pairs[name] for name in names if name in pairs]
    return next((pair for pair in found if pair.fact.value), found[0] if found else None)


def _commit(pairs: Mapping[str, FactPair]) -> str:
    text = _said(_first(pairs, "release.commit", "gunicorn.image_revision", "uvicorn.image_revision"))
    dirty = pairs.get("release.uncommitted")
    return text + ", with uncommitted changes" * bool(dirty and dirty.fact.value not in ("", "none"))


def _image(pairs: Mapping[str, FactPair]) -> str:
    return _said(_first(pairs, "gunicorn.image", "uvicorn.image"))


def _workers(pairs: Mapping[str, FactPair]) -> str:
    for kind in ("gunicorn", "uvicorn"):
        if (workers := pairs.get(f"{kind}.workers")) is not None:
            more = (_value(pairs, f"{kind}.worker_class"), _value(pairs, f"{kind}.timeout"))
            worker_class, timeout = more
            parts = [_said(workers), worker_class, f"timeout {timeout}" if timeout else ""]
            return ", ".join(part for part in parts if part)
    return ""


def _configuration(pairs: Mapping[str, FactPair]) -> str:
    return _SHA256.sub(r"\1", _said(_first(pairs, "nginx.config_sha256", "caddy.config_sha256")))


def _database(pairs: Mapping[str, FactPair]) -> str:
    size = _said(pairs.get("postgres.database_size"))
    rows = [pair for name, pair in pairs.items() if name.startswith("postgres.rows.") and pair.fact.value]
    counted = ", ".join(f"{pair.fact.title.removeprefix('Rows of ')} {pair.fact.value} rows" for pair in rows)
    return f"{size}; {counted}" if size and counted else size or counted


def _value(pairs: Mapping[str, FactPair], name: str) -> str:
    return pairs[name].fact.value if name in pairs else ""


_DERIVED = {
    "commit_sha": _commit,
    "image_tag": _image,
    "gunicorn_workers": _workers,
    "nginx_config_version": _configuration,
    "database_size_note": _database,
}
