"""What stands between a red check and the load: a person who says so, and what is noted of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest

from rampdeck.model import Event, EventKind, Instant, Step
from rampdeck.preflight.check import Definition, Found, check, failed, ok, unknown, warning
from rampdeck.preflight.checks import tls
from rampdeck.preflight.clearance import KEY, Clearance
from rampdeck.preflight.http import Answer, Visit
from rampdeck.preflight.stack import Stack
from rampdeck.session import Session

from .stacks import TARGET, stack


def asked(name: str, answer: Callable[[], Found]) -> Definition:
    @check(name, name, expected="yes", why="because", effect="nothing")
    async def look(_: Stack) -> Found:
        return answer()

    return look


def clearance(*definitions: Definition) -> tuple[Clearance, dict[str, Any], list[Event]]:
    """One whose meta and events can be seen."""
    events: list[Event] = []
    made = stack()
    made.session = Session({}, lambda item: events.append(item) if isinstance(item, Event) else None)
    meta: dict[str, Any] = {}
    return Clearance(made, definitions, meta.__setitem__), meta, events


async def test_what_nobody_looked_at_yet_holds_the_load_back() -> None:
    one, _, _ = clearance(asked("a.one", lambda: ok("yes")))
    assert one.held_back == "the preflight is not over: 1 check to come"
    await one.look()
    assert one.held_back == ""


async def test_a_failed_check_holds_it_back_and_a_doubt_does_not() -> None:
    one, _, events = clearance(
        asked("a.bad", lambda: failed("no", "mend it")),
        asked("b.weak", lambda: warning("hm", "mend it")),
        asked("c.dark", lambda: unknown("who knows", "look")),
    )
    await one.look()
    assert one.held_back == "the preflight found 1 failed check: a.bad"
    (event,) = events
    assert event.kind is EventKind.LOAD
    assert event.text.startswith("preflight: 1 warning · 1 failed · 1 not known")


async def test_going_on_is_noted_and_holds_for_what_had_failed_by_then() -> None:
    answers = {"a": failed("no", "mend it"), "b": ok("yes")}
    one, meta, events = clearance(asked("a.one", lambda: answers["a"]), asked("b.two", lambda: answers["b"]))
    await one.look()
    assert meta[KEY]["went_on"] == []
    one.go_on_anyway()
    assert one.held_back == ""
    assert meta[KEY]["went_on"] == ["a.one"]
    assert [event.text for event in events if event.kind is EventKind.KEY] == [
        "going on in spite of the preflight: a.one"
    ]
    answers["b"] = failed("now this", "mend it")
    await one.look(["b.two"])
    assert "b.two" in one.held_back, "nobody has agreed to that"


async def test_what_is_mended_lets_the_load_begin_and_the_file_says_so() -> None:
    answers = [failed("off", "switch it on"), ok("on")]
    one, meta, _ = clearance(asked("a.switch", lambda: answers.pop(0)))
    await one.look()
    assert [check["state"] for check in meta[KEY]["checks"]] == ["failed"]
    await one.look()
    assert one.held_back == ""
    assert [(check["state"], check["found"]) for check in meta[KEY]["checks"]] == [("ok", "on")]


async def test_looking_twice_at_once_takes_no_answer_away() -> None:
    async def question(_: Stack) -> str:
        await asyncio.sleep(0.05)
        return "yes"

    @check("a.slow", "slow", expected="yes", why="because", effect="nothing")
    async def slow(stack: Stack) -> Found:
        return ok(await stack.ask(question))

    one, _, _ = clearance(slow)
    await asyncio.gather(one.look(), one.look(["a.slow"]), one.look())
    assert [each.found for each in one.view.checks] == ["yes"]


async def test_what_is_mended_under_load_had_failed_under_load_and_the_file_says_so() -> None:
    answers = [failed("off", "switch it on"), failed("off", "switch it on"), ok("on")]
    meta: dict[str, Any] = {}
    made = stack()
    one = Clearance(made, [asked("a.switch", lambda: answers.pop(0))], meta.__setitem__)
    await one.look()
    await one.look()
    assert meta[KEY]["mended"] == [], "there was no load yet"
    one.go_on_anyway()
    made.session.append(Step(1, 5, 5.0, "key", Instant.now()))
    await one.look()
    assert meta[KEY]["mended"] == ["a.switch"]
    assert meta[KEY]["checks"][0]["state"] == "ok"


async def test_how_tls_ends_is_kept_with_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = Message()
    headers["Server"] = "nginx"

    async def page(_: Stack) -> Visit:
        return Visit((Answer(TARGET, 200, headers, b"", 0.1),))

    monkeypatch.setattr(tls, "home", page)
    one, meta, _ = clearance(*tls.CHECKS)
    await one.look()
    told = {pair["start"]["name"]: pair["start"]["value"] for pair in meta[KEY]["tls"]}
    assert told["tls.ends"] == "nowhere: plain HTTP to the proxy (Server: nginx)"


async def test_nobody_asks_how_tls_ends_where_its_check_is_left_out() -> None:
    one, meta, _ = clearance(asked("a.one", lambda: ok("yes")))
    await one.look()
    assert meta[KEY]["tls"] == []
