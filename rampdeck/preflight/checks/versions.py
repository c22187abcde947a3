"""Known defects of the versions that were found: what looks like a finding of the test, and is not one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rampdeck.preflight.check import Found, check, ok, skipped, warning
from rampdeck.preflight.checks.timeouts import worker_class
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, Told, told

Version = tuple[int, ...]
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong from ``first`` on, and mended in ``mended``; ``where`` it can be met at all."""

    kind: str
    first: Version
    mended: Version
    text: str
    source: str
    where: Callable[[Told], bool] = lambda _: True


def _asgi(one: Told) -> bool:
    return worker_class(one) == "asgi"


DEFECTS = (
    Defect(
        "gunicorn",
        (25, 1),
        (26, 1),
        "its ASGI worker leaves idle database connections behind under Django, until there are none left",
        "gunicorn#3627, news of 26.1.0",
        _asgi,
    ),
    Defect(
        "gunicorn",
        (25, 1),
        (26, 1),
        'each HUP leaks a file of the control socket, until "too many open files"',
        "gunicorn#3648, news of 26.1.0",
    ),
    Defect(
        "gunicorn",
        (25, 1),
        (26, 1),
        "connections are counted wrongly, which delays its shutdown",
        "gunicorn#3661, news of 26.1.0",
        _asgi,
    ),
    Defect(
        "gunicorn",
        (0,),
        (26, 1),
        'as the first process of a container it takes strangers for workers ("exited with code ..."), '
        "and codes 3 and 4 may halt it",
        "gunicorn#3220, news of 26.1.0",
        lambda one: bool(one.value("containers")),
    ),
)
"""From the servers' own news and issues; a range of versions that is not sure stands not here."""
NO_MORE_FIXES = {
    12: date(2024, 11, 21),
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The last release of each major version of PostgreSQL (postgresql.org/support/versioning)."""
DEPRECATED = "uvicorn.workers"
"""A worker class of Uvicorn that became a package of its own, uvicorn-worker (Uvicorn 0.30)."""


@check(
    "versions.defects",
    "Versions have no known defect",
    expected="no version with a defect that a load test meets",
    why="A leak of the server looks like one of the release.",
    effect="What is found under load may be the server's own defect.",
    patience=PATIENCE,
)
async def defects(stack: Stack) -> Iterable[Found]:
    """Look each version up."""
    everybody = [one for one in await told(stack, *APPLICATIONS, "postgres") if one.value("version")]
    if not everybody:
        return [skipped("no version is known")]
    found: list[Found] = []
    for one in everybody:
        version = one.value("version")
        known = [warning(f"{version}: {text}", fix, one.name) for text, fix in _known(one)]
        found += known or [ok(f"{version}, no defect of it is known here", one.name)]
    return found


def _known(one: Told) -> Iterator[tuple[str, str]]:
    version = numbers(one.value("version"))
    for defect in DEFECTS:
        if defect.kind == one.kind and defect.first <= version < defect.mended and defect.where(one):
            mended = ".".join(map(str, defect.mended))
            yield f"{defect.text} ({defect.source})", f"Upgrade to {mended} or later"
    if one.kind == "gunicorn" and one.value("worker_class").startswith(DEPRECATED):
        fix = "pip install uvicorn-worker; --worker-class uvicorn_worker.UvicornWorker"
        yield f"{DEPRECATED} is deprecated", fix
    over = NO_MORE_FIXES.get(version[0]) if one.kind == "postgres" and version else None
    if over is not None and over < datetime.now(UTC).date():
        yield f"it gets no fixes any more, since {over:%Y-%m-%d}", "Upgrade PostgreSQL as production does"


def numbers(text: str) -> Version:
    """Return the first version in a text as numbers: ``15.8 (Debian ...)`` is ``(15, 8)``."""
    found = _NUMBERS.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


CHECKS = (defects,)
