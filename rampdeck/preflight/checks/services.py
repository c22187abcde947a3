"""Whether each server of the stack runs at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from rampdeck.preflight.check import Found, check, failed, ok, unknown
from rampdeck.preflight.processes import ProcessStatus, moment, processes
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import (
    APPLICATIONS,
    CONNECTED,
    PATIENCE,
    PROXIES,
    RUNS,
    TIRED,
    Told,
    is_down,
    listed,
    told,
)

_START = {
    "nginx": "sudo systemctl start nginx",
    "caddy": "sudo systemctl start caddy",
    "postgres": "sudo systemctl start postgresql",
    "redis": "sudo systemctl start redis-server",
}


@check(
    "services.active",
    "Service runs",
    expected="every server that is read is active",
    why="A load test of a stack of which a part is down measures how the rest does without it.",
    effect="The record is one of a stack that was not whole.",
    patience=PATIENCE,
)
async def active(stack: Stack) -> Iterable[Found]:
    """Look at each server: its unit, its container, its process, or whether it answers."""
    everybody, running = await asyncio.gather(
        told(stack, *APPLICATIONS, *PROXIES, *CONNECTED), stack.ask(processes)
    )
    return [_judged(one, running.get(one.name, ())) for one in everybody]


def _judged(one: Told, seen: Sequence[ProcessStatus]) -> Found:
    if one.kind in CONNECTED:
        return _connected(one)
    states = listed(one.value("state"))
    if one.silent:
        return unknown(f"it {one.silent}", TIRED, one.name)
    if not states:
        why = one.why_not("state")
        return unknown(
            f"it cannot be seen whether it runs: {why}", "Name its unit or its container", one.name
        )
    if not all(state.startswith(RUNS) for state in states):
        return failed(f"it does not run: {', '.join(states)}", start(one), one.name)
    text = "active" if states == ["active (running)"] else ", ".join(states)
    if since := seen[0].started if seen else 0.0:
        text += f" since {moment(since)}"
    workers = one.number("workers") if one.kind in APPLICATIONS else len(listed(one.value("worker_pids")))
    return ok(text + (f", {workers} worker{'s' * (workers != 1)}" if workers else ""), one.name)


def _connected(one: Told) -> Found:
    if one.facts:
        since = one.value("started")
        return ok("it answers" + (f", up since {since}" if since else ""), one.name)
    if is_down(one.kind, one.why):
        first = one.why.partition(". ")[0]  # what follows is advice, for which there is a line
        return failed(f"it does not answer: {first}", start(one), one.name)
    return unknown(f"it told nothing: {one.why}", "See what the check of the source says", one.name)


def start(one: Told, verb: str = "start") -> str:
    """Return the line that starts a server where it is, or starts it anew (``restart``)."""
    if service := one.key("compose_service"):
        return f"docker compose {'up -d' if verb == 'start' else verb} {service}"
    if container := one.key("container"):
        return f"docker {verb} {container}"
    if one.kind in _START:
        return _START[one.kind].replace(" start ", f" {verb} ")
    if one.key("file") or one.key("journal_file"):
        return f"{verb.capitalize()} {one.kind} as it is done on {one.source.host}"
    return f"sudo systemctl {verb} {one.key('unit') or one.kind}"


CHECKS = (active,)
