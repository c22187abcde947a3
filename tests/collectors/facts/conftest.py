"""A shell on this machine with programs of the test's own before the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rampdeck.facts import Fact


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a program of that name and shell text before all others in the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(name: str, text: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)

    return write


def by_name(facts: tuple[Fact, ...]) -> dict[str, Fact]:
    """Return facts by their names, each of which is there once."""
    found = {fact.name: fact for fact in facts}
    assert len(found) == len(facts)
    return found
