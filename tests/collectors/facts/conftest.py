"""A shell on this machine with programs of the test's own before the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rampdeck.facts import Fact
from rampdeck.remote import Completed


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


class Answers:
    """A host that was recorded: it answers the first command of which it knows a part."""

    host = "web"
    local = False

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.heard: list[str] = []

    async def run(self, command: str, *, timeout: float = 10.0) -> Completed:  # noqa: ARG002
        self.heard.append(command)
        for part, answer in self.answers.items():
            if part in command:
                return Completed(command, 0, answer.encode(), b"")
        return Completed(command, 1, b"", b"sh: not found")
