"""Asking an application: the probe goes to its Python over stdin, and one line of JSON comes back.

Neither the probe nor what is asked stands in a command line, where others could
read it, nor in a file. The service's variables are taken on there; they never come here.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from rampdeck.errors import CommandFailed, SourceError
from rampdeck.preflight.django.answer import Answer, read
from rampdeck.preflight.django.place import Place, look
from rampdeck.remote import Remote
from rampdeck.remote.command import OUTPUT
from rampdeck.secrets import redact
from rampdeck.text import clean

PATIENCE = 20.0
"""Seconds that an application may take to be started and to answer."""
SALT = 16
"""Bytes of the key of the hashes."""
_START = """import sys
given = sys.stdin.buffer
exec(compile(given.read(int(given.readline())), "rampdeck", "exec"))"""
_PROBE = ("masking", "hosts", "surroundings", "databases", "logs", "telling")
_PYTHONS = ".venv/bin/python venv/bin/python env/bin/python ../venv/bin/python python3 python"
_ELSEWHERE = "Say where it is: [django] folder, python, settings, env_file"


@dataclass(frozen=True)
class Wanted:
    """What is asked beside the settings; ``salt`` is that of a baseline, or a new one.

    ``names`` are host names to be resolved there, ``stubs`` settings with the
    values that they must have, ``accounts`` login names.
    """

    accounts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    stubs: dict[str, str] = field(default_factory=dict)
    salt: str = field(default_factory=lambda: secrets.token_hex(SALT))


@lru_cache
def program() -> str:
    """Return the probe as one text: its modules, without what they import from each other."""
    folder = Path(__file__).with_name("probe")
    lines = ["from __future__ import annotations"]
    for name in _PROBE:
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        lines += [line for line in text.splitlines() if not line.startswith(("from .", "from __future__"))]
    return "\n".join([*lines, "main()", ""])


def start(place: Place) -> str:
    """Return the command that starts the application's Python, where it waits for the probe."""
    lines = [f"cd -- {shlex.quote(place.folder)} || exit"] if place.folder else []
    if place.search:
        lines.append(f"PATH={shlex.quote(place.search)}; export PATH")
    python = shlex.quote(place.python)
    if not place.python:
        lines.append(f'for python in {_PYTHONS}; do command -v "$python" >/dev/null && break; done')
        python = '"$python"'
    return place.command("\n".join([*lines, f"exec {python} -B -c {shlex.quote(_START)}"]))


def asks(place: Place | None = None, unit: str = "") -> tuple[str, ...]:
    """Return everything that may be sent to a host: what looks for the server, the probe and its start."""
    place = place or Place("")
    # What is not written is found out.
    shown = replace(place, folder=place.folder or "FOLDER", python=place.python or "PYTHON")
    return (shown.command(look(unit)), start(shown), program())


async def ask(remote: Remote, place: Place, wanted: Wanted) -> Answer:
    """Ask an application.

    Raises :class:`SourceError` where it tells nothing at all, a remote error
    where the host cannot be used.
    """
    marker = f"rampdeck-{secrets.token_hex(8)}:"
    text = program().encode()
    asked = {
        "salt": wanted.salt,
        "marker": marker,
        "settings": place.settings,
        "manage": place.manage,
        "module": place.module,
        "env_file": place.env_file,
        "environment": dict(place.environment),
        "pid": place.pid,
        "unit": place.unit,
        "paths": place.paths,
        "accounts": wanted.accounts,
        "resolve": wanted.names,
        "stubs": wanted.stubs,
    }
    output = b""
    try:
        async with asyncio.timeout(PATIENCE), remote.talk(start(place)) as stream:
            sent = b"%d\n%b%b\n" % (len(text), text, json.dumps(asked).encode())
            with suppress(CommandFailed):  # it has ended already: why, it says itself
                await stream.write(sent)
            async for chunk in stream.chunks():
                output += chunk
                if len(output) > OUTPUT:
                    raise SourceError("the application cannot be asked", "its answer has no end")
            ended = await stream.wait()
    except TimeoutError:
        why = f"it had not answered after {PATIENCE:g} s and was stopped"
        raise SourceError("the application cannot be asked", why) from None
    if marker.encode() in output:
        return read(output, marker)
    said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    why = clean(redact(said[-1]), 300) if said else f"it ended with status {ended.status} and told nothing"
    raise SourceError("the application cannot be asked", why, _ELSEWHERE)
