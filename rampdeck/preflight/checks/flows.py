"""Does each critical flow of the scenario work for one user? Tried in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rampdeck.config import Config
from rampdeck.errors import CommandFailed, NoAnswer, ScenarioError
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, skipped, warning
from rampdeck.preflight.checks.pages import answers, home, unanswered
from rampdeck.preflight.flows import command, read
from rampdeck.preflight.stack import Stack
from rampdeck.remote.hosts import LOCAL
from rampdeck.secrets import redact
from rampdeck.text import clean

PATIENCE = 60.0
"""Seconds that all flows may take together; on a healthy stack they take two or three."""
SHOWN = 3


@check(
    "flows.run",
    "Each flow runs once",
    expected="every task of each user class, once, without a failure",
    why="A flow that fails for one user measures error pages with a hundred.",
    effect="The record would not say that the flows worked before the load: errors may be its own.",
    patience=PATIENCE + 5.0,
)
async def run(stack: Stack) -> list[Found]:
    """Let one user of each class do each of its tasks once."""
    if not stack.settings.preflight.flows:
        return [skipped("left out by [preflight] flows = false")]
    if not stack.scenario.files:
        return [skipped("there is no scenario", "Name one: -f locustfile.py, or [scenario] file")]
    try:
        if stack.target and answers.name not in stack.settings.preflight.skip:
            await stack.ask(home)
    except NoAnswer as error:
        return [unanswered(error)]
    try:
        remote = stack.hosts.remote(LOCAL)
        done = await remote.run(command(stack.scenario.arguments), timeout=PATIENCE)
        return [_judged(flow) for flow in read(done.stdout, done.stderr)]
    except CommandFailed as error:
        return [failed(f"the flows: {error.why}", "Look which task waits so long: rampdeck run -u 1")]
    except ScenarioError as error:
        what = f"{error.what}: {error.why}" if error.why else error.what
        return [failed(clean(what, 500), error.fix or "Mend the scenario")]


def _judged(flow: Mapping[str, Any]) -> Found:
    name = str(flow["user_class"])
    if flow["failures"]:
        shown = "; ".join(clean(redact(str(text)), 300) for text in flow["failures"][:SHOWN])
        more = int(flow["failed"]) - min(SHOWN, len(flow["failures"]))
        left = f"; not done: {', '.join(flow['left_out'])}" if flow["left_out"] else ""
        what = f"{name}: {shown}{f'; and {more} more' if more > 0 else ''}{left}"
        return failed(what, "Mend the flow, the account or the page first, then look again")
    tasks, requests = len(flow["tasks"]), int(flow["requests"])
    said = f"{name}: {_many(tasks, 'task')}, {_many(requests, 'request')}"
    if requests:
        said += f", slowest {clean(str(flow['slowest']))} {flow['slowest_ms']:.0f} ms"
    if flow["left_out"]:
        return warning(
            f"{said}; the user ended before {', '.join(flow['left_out'])}",
            "Look whether the scenario is to end its user there (StopUser)",
        )
    if not requests:
        return warning(f"{said}: it asks for nothing", "Look at the tasks, and at --tags")
    return ok(said)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def asks(settings: Config) -> Iterator[Asks]:
    """Yield what the users of the scenario send: that is theirs to say."""
    if settings.preflight.flows:
        yield Asks(TARGET, "the flows of the scenario", ("every task of each user class, once",))


CHECKS = (run,)
