"""How many connections and open files the servers may have, against the users that are planned."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.checks.timeouts import at_once
from rampdeck.preflight.processes import ProcessStatus, processes
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, PROXIES, Told, listed, told

PROXIED = 2
"""Connections of the proxy that a request takes: the client's, and the one to the application."""
OWN = 64
"""Files that a process has open beside its connections: logs, libraries, sockets of its own."""


@check(
    "files.servers",
    "Open files suffice",
    expected="enough for the planned users, two of the proxy for each",
    why='Beyond the limit connections are refused ("too many open files", "worker_connections are not '
    'enough"): a limit of the configuration, not of the release.',
    effect="The load may meet a limit of the configuration before that of the application.",
    patience=PATIENCE,
)
async def servers(stack: Stack) -> Iterable[Found]:
    """Compare limits of proxy, application and Redis with the planned users."""
    everybody, running = await asyncio.gather(
        told(stack, *PROXIES, *APPLICATIONS, "redis"), stack.ask(processes)
    )
    if not everybody:
        return [skipped("no server is read that could tell")]
    applications = [one for one in everybody if one.kind in APPLICATIONS]
    found: list[Found] = []
    for one in everybody:
        seen = running.get(one.name, ())
        match one.kind:
            case _ if one.down:
                found.append(skipped(one.down, host=one.name))
            case "nginx":
                found.append(_nginx(one, seen, stack.peak))
            case "redis":
                found.append(_redis(one, applications, stack.peak))
            case "caddy":
                found.append(_files(one, seen, PROXIED * stack.peak))
            case _:
                found.append(_application(one, seen, stack.peak))
    return found


def _nginx(one: Told, seen: Sequence[ProcessStatus], peak: int) -> Found:
    each, pids = one.number("worker_connections"), listed(one.value("worker_pids"))
    workers = one.number("worker_processes") or len(pids)
    if each is None or not workers:
        why = one.why_not("worker_connections", "worker_pids")
        return unknown(f"its limits are not known: {why}", "Name its configuration with config", one.name)
    total, need = each * workers, PROXIED * peak
    text = f"{workers} x {each} worker_connections, {need} wanted by {peak} users"
    if total < need:
        return failed(text, f"events {{ worker_connections {_rounded(need / workers)}; }}", one.name)
    files = _least(seen, pids)
    if files is None:
        return ok(f"{text}; its open files are not to be seen", one.name)
    text += f", {files} open files a worker"
    if files < need / workers + OWN:
        return failed(text, f"worker_rlimit_nofile {_rounded(need / workers + OWN)};", one.name)
    if files < each:
        return warning(text, f"worker_rlimit_nofile {_rounded(each + OWN)};", one.name)
    return ok(text, one.name)


def _application(one: Told, seen: Sequence[ProcessStatus], peak: int) -> Found:
    workers, concurrent = one.number("workers"), at_once(one, peak)
    if workers is None or concurrent is None:
        why = one.why_not("workers", "threads")
        return unknown(f"how many it works on at once is not known: {why}", "Name its unit", one.name)
    # Each request has its connection, and one to the database and to the cache.
    return _files(one, seen, 3 * -(-concurrent // max(workers, 1)))


def _files(one: Told, seen: Sequence[ProcessStatus], need: int) -> Found:
    files = min((it.files for it in seen if it.files is not None), default=None)
    need += OWN
    if files is None:
        return unknown(
            "its open files are not to be seen", f"Look into /proc/PID/limits of {one.kind}", one.name
        )
    text = f"{files} open files a process, about {need} wanted"
    if files < need:
        fix = f"LimitNOFILE={_rounded(need)} in its unit, or ulimits: nofile in its compose file"
        return failed(text, fix, one.name)
    return ok(text, one.name)


def _redis(one: Told, applications: Iterable[Told], peak: int) -> Found:
    most = one.number("maxclients")
    if most is None:
        return unknown(f"maxclients is not known: {one.why_not('maxclients')}", "Redis 6 tells it", one.name)
    need = sum(at_once(application, peak) or 0 for application in applications)
    text = f"{most} clients, {need or 'not known how many'} wanted by the application"
    if most < need:
        return failed(text, f"redis-cli CONFIG SET maxclients {_rounded(need * 2)}", one.name)
    return ok(text, one.name)


def _least(seen: Iterable[ProcessStatus], pids: Iterable[str]) -> int | None:
    return min(_limits(seen, set(pids)), default=None)


def _limits(seen: Iterable[ProcessStatus], pids: set[str]) -> Iterator[int]:
    for process in seen:
        if str(process.pid) in pids and process.files is not None:
            yield process.files


def _rounded(number: float) -> int:
    """Return the next power of two, as such limits are written."""
    return int(2 ** max(10, (int(number) - 1).bit_length()))


CHECKS = (servers,)
