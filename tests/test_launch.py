"""What an automatic start waits for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from pydantic import SecretStr

from rampdeck import launch
from rampdeck.model import Health
from rampdeck.remote.asking import Question, Questions, Wants
from rampdeck.run import Run

PASSWORD = Question("db", "db (10.0.0.5 port 22)", "deploy", Wants.PASSWORD)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose only source is still connecting."""
    monkeypatch.setattr(launch, "PATIENCE", 0.2)
    monkeypatch.setattr(launch, "ANSWERS", 1.0)
    monkeypatch.setattr("rampdeck.loop.freeze", lambda **_: None)
    source = SimpleNamespace(health=Health.CONNECTING)
    session = SimpleNamespace(sources={"host@db": source})
    return cast(
        "Run", SimpleNamespace(questions=Questions(), began=None, over=asyncio.Event(), session=session)
    )


async def test_it_waits_longer_while_the_operator_is_asked(run: Run) -> None:
    asking = asyncio.create_task(run.questions.ask(PASSWORD))
    waiting = asyncio.create_task(launch._seen(run))
    await asyncio.sleep(0.6)
    assert not waiting.done()
    asked = run.questions.first
    assert asked is not None
    asked.answer(SecretStr("x"))
    await waiting
    await asking


async def test_it_goes_on_without_the_host_when_nobody_answers(run: Run) -> None:
    asking = asyncio.create_task(run.questions.ask(PASSWORD))
    async with asyncio.timeout(60):
        await launch._seen(run)
    assert run.questions.first is not None
    asking.cancel()
