"""The target is named, and its name leads somewhere."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from rampdeck.guard.production import is_called_production, production_of
from rampdeck.loop import in_greenlet
from rampdeck.preflight.check import Definition, Found, check, failed, ok, skipped, warning
from rampdeck.preflight.stack import Stack

MOST = 6
"""Addresses that are told."""


@check(
    "target.environment",
    "Environment is named",
    expected="somebody said which environment this is, and it is not production",
    why="A load test of the wrong stack is weak evidence, one of production is an incident.",
    effect="The record does not say what was tested.",
)
async def environment(stack: Stack) -> Found:
    """Look whether the environment has a name, and whether the target is production."""
    target = stack.settings.target
    name = target.environment.strip()
    if not name:
        return failed("nobody named it", 'environment = "staging" in [target], or --environment staging')
    # It may ask for addresses.
    production = await in_greenlet(production_of, target, [stack.target] if stack.target else [])
    if production is None:
        return ok(name)
    if is_called_production(name):
        return warning(production.sentence, "Make the load on staging, if there is one")
    found = f"it is called {name}, but {production.sentence}"
    return failed(found, "Mend host or production in [target]: one of them is wrong")


@check(
    "target.resolves",
    "Target's name resolves",
    expected="the name has an address, seen from here",
    why="The addresses say which machines will get the load.",
    effect="No request would reach the target.",
)
async def resolves(stack: Stack) -> Found:
    """Ask for the addresses of the target."""
    if not stack.target:
        return skipped("nothing says where the load goes: target.answers says what to do")
    name = stack.target_name
    if not name:
        return failed(f"{stack.target} names no host", "host in [target]: https://staging.example.com")
    port = urlsplit(stack.target).port
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)
    except OSError as error:
        return failed(
            f"{name}: {error.strerror or error}", f"getent hosts {name}   (DNS, or /etc/hosts here)"
        )
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    more = f" and {len(addresses) - MOST} more" if len(addresses) > MOST else ""
    if addresses == [name]:
        return ok("it is an address")
    return ok(f"{', '.join(addresses[:MOST])}{more}")


CHECKS: tuple[Definition, ...] = (environment, resolves)
