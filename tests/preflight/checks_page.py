"""``docs/preflight.md``, made of the checks' own words: ``python -m tests.preflight.checks_page``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import ALL

PAGE = Path(__file__).parents[2] / "docs" / "preflight.md"
_INTRODUCTION = """# What the preflight checks

`rampdeck preflight` looks at all of it, side by side, and so does every run before its load begins. A check
has a name that stays (`[preflight] skip = ["tls.ends"]` leaves it out, `--only tls.ends` looks at nothing
else), says what it expected and what it found, how to mend it, and what the record lacks if one goes on all
the same. What nobody configured is left out, which is said and stands against nothing.

| Sign | State | Exit code |
| --- | --- | --- |
| ● | ok | 0 |
| ▲ | warning: weak evidence, or something to know | 0 |
| ✖ | failed: the load would test the wrong thing, or hit something it must not | 1 |
| ? | it could not be found out | 3, if nothing failed |
| ○ | left out | 0 |
"""


def page() -> Iterator[str]:
    """Return the lines of the page."""
    yield from _INTRODUCTION.splitlines()
    for theme, definitions in groupby(ALL, key=_theme):
        yield from ("", f"## {theme}")
        for one in definitions:
            yield from ("", f"### `{one.name}`: {one.title}", "")
            yield f"Expected: {one.expected}. {one.why}"
            yield f"If one goes on: {one.effect}"


def _theme(definition: Definition) -> str:
    return definition.name.partition(".")[0]


if __name__ == "__main__":
    PAGE.write_text("\n".join(page()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE} is written\n")
