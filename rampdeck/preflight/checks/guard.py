"""Whom users may contact: hosts that are known, none of them production's; and what the guard cannot see."""

from __future__ import annotations

from rampdeck.errors import UsageError
from rampdeck.guard.guard import present
from rampdeck.guard.hosts import NONE, Host, Hosts, look_up
from rampdeck.guard.production import production_of
from rampdeck.guard.watch import named
from rampdeck.loop import in_greenlet
from rampdeck.preflight.check import Definition, Found, check, failed, ok, skipped, warning
from rampdeck.preflight.stack import Stack

FIX = '[target] allowed_hosts = ["staging.example.com"], or --allow-host'


@check(
    "guard.hosts",
    "Allowed hosts are known",
    expected="every host that users may contact has an address, the target is one, none is production's",
    why="A redirect, an absolute URL or a name that leads elsewhere would take the load to somebody else.",
    effect="What users want to contact elsewhere is refused, fails, and is counted in the record.",
)
async def hosts(stack: Stack) -> list[Found]:
    """Look every allowed host up, and hold it against production and the target."""
    return await in_greenlet(_hosts, stack)


def _hosts(stack: Stack) -> list[Found]:
    target = stack.settings.target
    guard = present()
    names = stack.scenario.allowed or named(target, ())
    if not names and not stack.target:
        return [skipped("nothing says where the load goes: target.answers says what to do")]
    if not names:
        return [failed("no host may be contacted", "Name the target with -H, or " + FIX)]
    found: list[Found] = []
    missing: list[UsageError] = []
    known = look_up(names, known=guard.hosts if guard else NONE, missing=missing)
    found += (failed(": ".join(filter(None, (error.what, error.why))), error.fix) for error in missing)
    found += (one for host in known.all if (one := _of_production(stack, host)) is not None)
    if stack.target and (one := _target(stack, known)) is not None:
        found.append(one)
    return found or [ok(str(known))]


def _of_production(stack: Stack, host: Host) -> Found | None:
    """Return that a host is production's, which the target may be where a person confirms it."""
    target = stack.settings.target
    asked = target.model_copy(update={"environment": "", "allowed_hosts": (host.name,)})
    production = production_of(asked, ())
    if production is None:
        return None
    if host.name == stack.target_name:
        return warning(f"the target, {production.sentence}", "Make the load on staging, if there is one")
    return failed(production.sentence, "Take it out of [target] allowed_hosts and --allow-host")


def _target(stack: Stack, known: Hosts) -> Found | None:
    """Return that users might not contact the target."""
    missing: list[UsageError] = []
    for host in look_up([stack.target], known=known, missing=missing).all:
        if not all(network.network_address in known for network in host.networks):
            return failed(f"the target {host.name} is not among them: {known}", "Add it: " + FIX)
    return None


@check(
    "guard.blind",
    "Guard sees what users contact",
    expected="no client of the scenario connects in C, no program is started",
    why="The guard is in the sockets of Python: what connects past them is not refused, and not counted.",
    effect="The record names what the guard did not see.",
)
async def blind(stack: Stack) -> list[Found]:  # noqa: ARG001 - it is in this process
    """Tell what is known of the scenario by now that the guard cannot see."""
    guard = present()
    fix = "Use a client that is written in Python, or see to it by a firewall that it contacts nobody else"
    told = [warning(sentence, fix) for sentence in guard.blind] if guard is not None else []
    return told or [ok("nothing in the scenario connects past it")]


CHECKS: tuple[Definition, ...] = (hosts, blind)
