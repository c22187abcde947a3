"""What an operator relies on: every check comes out, in its place, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rampdeck.errors import SourceError
from rampdeck.preflight.check import (
    Definition,
    Found,
    Look,
    State,
    check,
    failed,
    ok,
    skipped,
    unknown,
    warning,
)
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Stack

from .stacks import stack


def checked(name: str, patience: float = 10.0) -> Callable[[Look], Definition]:
    return check(name, name, expected="False", why="because", effect="nothing", patience=patience)


def always(name: str, *found: Found) -> Definition:
    @checked(name)
    async def look(_: Stack) -> tuple[Found, ...]:
        return found

    return look


async def states(*definitions: Definition, **data: object) -> list[tuple[str, State, str]]:
    view = await Inspection(stack(data), definitions).run()
    return [(one.name, one.state, one.found) for one in view.checks]


async def test_checks_stand_in_their_order_and_one_for_each_place() -> None:
    @checked("a.slow")
    async def slow(_: Stack) -> Found:
        await asyncio.sleep(0.05)
        return ok("there")

    both = always("b.two", ok("one", "app-1"), warning("two", "mend it", "app-2"))
    view = await Inspection(stack(), [slow, both]).run()
    assert [(one.name, one.host) for one in view.checks] == [
        ("a.slow", "staging.example.com"),
        ("b.two", "app-1"),
        ("b.two", "app-2"),
    ]
    assert view.state is State.WARNING
    assert not view.running


async def test_what_fails_is_told_with_what_to_do_and_takes_no_other_check_down() -> None:
    @checked("a.refused")
    async def refused(_: Stack) -> Found:
        raise SourceError("no answer", "the door is shut", "Open it")

    @checked("b.defect")
    async def defect(_: Stack) -> Found:
        raise ZeroDivisionError("oops")

    view = await Inspection(stack(), [refused, defect, always("c.fine", ok("fine"))]).run()
    first, second, third = view.checks
    assert (first.state, first.found, first.fix) == (State.UNKNOWN, "no answer: the door is shut", "Open it")
    assert second.state is State.UNKNOWN
    assert "ZeroDivisionError: oops" in second.found
    assert third.state is State.OK


async def test_a_check_that_takes_too_long_could_not_be_found_out() -> None:
    @checked("a.never", patience=0.05)
    async def never(_: Stack) -> Found:
        await asyncio.Event().wait()
        return ok("")

    (found,) = await states(never)
    assert found == ("a.never", State.UNKNOWN, "it was not known after 0.05 s")


async def test_several_checks_ask_the_same_question_once() -> None:
    asked = []

    async def question(_: Stack) -> int:
        asked.append(1)
        await asyncio.sleep(0)
        return 7

    @checked("a.one")
    async def one(stack: Stack) -> Found:
        return ok(str(await stack.ask(question)))

    @checked("b.other")
    async def other(stack: Stack) -> Found:
        return ok(str(await stack.ask(question)))

    inspection = Inspection(stack(), [one, other])
    await inspection.run()
    assert len(asked) == 1
    await inspection.run(["b.other"])
    assert len(asked) == 2, "what was mended has to be asked for anew"


async def test_one_check_is_looked_at_again_and_the_rest_stays() -> None:
    answers = iter([failed("off", "switch it on"), ok("on")])

    @checked("a.switch")
    async def switch(_: Stack) -> Found:
        return next(answers)

    inspection = Inspection(stack(), [switch, always("b.fine", ok("fine"))])
    before = await inspection.run()
    assert before.state is State.FAILED
    after = await inspection.run(["a.switch"])
    assert [one.state for one in after.checks] == [State.OK, State.OK]


async def test_a_check_that_nobody_wants_says_so() -> None:
    view = await Inspection(
        stack({"preflight": {"skip": ["a.one"]}}), [always("a.one", failed("bad", "mend"))]
    ).run()
    assert (view.checks[0].state, view.checks[0].found) == (State.SKIPPED, "left out by [preflight] skip")
    assert view.state is State.OK, "what nobody asked for stands against nothing"


async def test_a_check_with_nothing_to_look_at_is_not_good_but_skipped() -> None:
    assert (await states(always("a.none")))[0][1] is State.SKIPPED
    assert (await states(always("a.some", skipped("no Nginx"))))[0][2] == "no Nginx"


async def test_what_one_failure_hides_is_not_known_because_of_it_and_what_failed_besides_stays() -> None:
    dark = "app (10.0.0.7 port 22) cannot be reached: no answer"

    @check("a.host", "Host lets us in", expected="", why="", effect="", blinds=True)
    async def host(_: Stack) -> tuple[Found, ...]:
        return (
            failed(dark, "ssh app true", "app"),
            failed("db refuses us", "Add our key", "db"),
            ok("in", "web"),
        )

    view = await Inspection(
        stack(),
        [
            always("b.source", failed(dark, "Look there", "nginx@app"), ok("it is read", "nginx@web")),
            host,
            always("c.service", unknown(f"it told nothing: {dark}. ssh app true", "See there", "nginx@app")),
            always("c.files", skipped(f"nginx@app cannot be read: {dark}", host="nginx@app")),
            always("d.own", failed("DEBUG is on", "Switch it off", "app"), warning(dark, "read it", "log")),
        ],
    ).run()
    hidden = {one.label: one for one in view.checks if one.because}
    assert list(hidden) == ["b.source at nginx@app", "c.service at nginx@app", "c.files at nginx@app"]
    for one in hidden.values():
        assert (one.state, one.because, one.fix) == (State.UNKNOWN, "a.host at app", "ssh app true")
        assert one.found == "not known as long as it fails at app: Host lets us in"
    assert [one.label for one in view.checks if one.state is State.FAILED] == [
        "a.host at app",
        "a.host at db",
        "d.own at app",
    ]
