"""The facts of the release: given as text, or asked for on the hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from rampdeck.config import Command, ReleaseConfig
from rampdeck.errors import RampdeckError
from rampdeck.record.result import RecordFields
from rampdeck.secrets import redact
from rampdeck.text import clean

if TYPE_CHECKING:
    from rampdeck.remote import Remote

_NAMES = ("commit_sha", "image_tag", "gunicorn_workers", "nginx_config_version", "database_size_note")
MOST = 200
"""Characters that are kept of an answer."""


async def gather(release: ReleaseConfig, remote_of: Callable[[str], Remote]) -> RecordFields:
    """Return the record's fields that the release gives; the others stay empty.

    Commands are run side by side, each on its host; the first line of output
    is the fact. One that cannot be had reads ``not known: ...``: that is told,
    but does not weigh in the verdict.
    """
    facts = await asyncio.gather(*(_fact(getattr(release, name), remote_of) for name in _NAMES))
    return RecordFields(**dict(zip(_NAMES, facts, strict=True)), notes=release.notes)


def unanswered(release: ReleaseConfig) -> RecordFields:
    """Return what is known while the hosts have not answered: the texts, and that the rest is not."""
    given = {name: getattr(release, name) for name in _NAMES}
    unknown = _unknown("no answer so far")
    facts = {name: fact if isinstance(fact, str) else unknown for name, fact in given.items()}
    return RecordFields(**facts, notes=release.notes)


async def _fact(source: str | Command, remote_of: Callable[[str], Remote]) -> str:
    if isinstance(source, str):
        return source
    try:
        done = await remote_of(source.host).run(source.command)
    except RampdeckError as error:
        return _unknown(str(error))
    answer, complaint = _first_line(done.stdout), _first_line(done.stderr)
    if done.status != 0:
        return _unknown(f"exit status {done.status}" + (f", {complaint}" if complaint else ""))
    return answer or _unknown("the command printed nothing")


def _unknown(why: str) -> str:
    return redact(clean(f"not known: {why}", MOST))


def _first_line(output: bytes) -> str:
    text = output.decode("utf-8", "replace").strip()
    return redact(clean(text.splitlines()[0], MOST)).strip() if text else ""
