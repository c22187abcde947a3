"""Golden records: each scene as Markdown, JSON, JUnit XML and summary, read by people before they were kept.

To take changed records over, run the tests with RAMPDECK_GOLDEN=write and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from rampdeck.record.json import dumps
from rampdeck.record.junit import junit
from rampdeck.record.markdown import markdown
from rampdeck.record.result import Result
from rampdeck.record.summary import summary
from tests.record.scenes import SCENES

GOLDEN = Path(__file__).parent / "golden"
WRITERS: dict[str, Callable[[Result], str]] = {
    "record.md": markdown,
    "record.json": dumps,
    "junit.xml": junit,
    "summary.md": summary,
}


@cache
def scene(name: str) -> Result:
    return SCENES[name]()


@pytest.mark.parametrize("file", WRITERS)
@pytest.mark.parametrize("name", SCENES)
def test_a_record_reads_as_agreed(name: str, file: str) -> None:
    written = WRITERS[file](scene(name)).encode("utf-8", "replace")
    path = GOLDEN / name / file
    if os.environ.get("RAMPDECK_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written)
    assert written.decode() == path.read_text(encoding="utf-8")


def test_there_is_no_golden_record_that_nobody_writes() -> None:
    kept = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert kept == {f"{name}/{file}" for name in SCENES for file in WRITERS} | {"keys.json"}
