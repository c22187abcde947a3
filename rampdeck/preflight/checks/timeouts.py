"""Who gives up first, the proxy or the application, and what the workers can do at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence

from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import APPLICATIONS, PATIENCE, PROXIES, Told, listed, told

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_KEPT = re.compile(r"(\d+) connections for ([\d.]+) s")


@check(
    "timeouts.aligned",
    "Timeouts do not race",
    expected="the proxy waits longer than Gunicorn lets a request take",
    why="Where both give up at the same second, the same slow request is a 502 now and a 504 then; where the "
    "proxy gives up first, workers go on with requests that nobody waits for.",
    effect="502 and 504 in the record cannot be told apart by their cause.",
    patience=PATIENCE,
)
async def aligned(stack: Stack) -> Iterable[Found]:
    """Compare each application's timeouts with those of the proxies before it."""
    applications, proxies = await asyncio.gather(told(stack, *APPLICATIONS), told(stack, *PROXIES))
    if not applications:
        return [skipped("no Gunicorn or Uvicorn is read")]
    if not proxies:
        return [skipped("no proxy is read", 'Add [[collectors]] with kind = "nginx" or "caddy"')]
    return [
        found
        for one in applications
        for proxy in before(one, proxies)
        for found in (*_timeouts(one, proxy), *_keepalive(one, proxy))
    ]


def before(one: Told, proxies: Sequence[Told]) -> Sequence[Told]:
    """Return the proxies that name the address of an application; all of them where none does."""
    own = {_end(address) for address in listed(one.value("bind") or one.value("uds") or one.value("port"))}
    named = [it for it in proxies if own & {_end(address) for address in listed(it.value("upstreams"))}]
    return named or proxies


def _end(address: str) -> str:
    """Return what two ends of a connection call the same: a socket's path, or a port."""
    path = address.partition("unix:")[2] or (address if address.startswith("/") else "")
    if path:
        return path
    port = address.rpartition(":")[2].rstrip("/")
    return port if port.isdecimal() else address


def _timeouts(one: Told, proxy: Told) -> Iterator[Found]:
    place = proxy.name
    if down := one.down or proxy.down:
        yield skipped(down, host=place)
        return
    waits, why = _waits(proxy)
    if waits is None:
        yield unknown(f"the proxy's timeout is not known: {why}", _config(proxy), place)
        return
    longest = max(waits, default=None)
    if one.kind == "uvicorn":
        end = f"the proxy does after {_told(waits)} s" if waits else "nor does the proxy"
        yield ok(f"Uvicorn ends no request by itself, {end}", place)
        return
    timeout = one.number("timeout")
    if timeout is None:
        why = one.value("timeout") or one.why_not("timeout")
        yield unknown(f"Gunicorn's timeout is not known: {why}", "Give --timeout as a number", place)
        return
    graceful = one.value("graceful_timeout")
    own = f"Gunicorn {timeout} s" + (f" (graceful {graceful} s)" if graceful else "")
    if not timeout:
        text = "Gunicorn has no timeout: a worker that hangs is never replaced"
        yield warning(text, "gunicorn --timeout 30", place)
    elif longest is None:
        yield ok(f"{own}, the proxy waits as long as it takes: Gunicorn gives up first", place)
    elif float(timeout) in waits:
        text = f"both give up after {timeout} s: who comes first is chance, 502 or 504"
        yield failed(text, _longer(proxy, timeout), place)
    elif min(waits) < timeout:
        text = f"the proxy gives up after {_told(waits)} s, Gunicorn after {timeout} s"
        yield warning(f"{text}: after its 504 the worker goes on for nobody", _longer(proxy, timeout), place)
    else:
        yield ok(f"{own}, proxy {_told(waits)} s: Gunicorn gives up first", place)


def _waits(proxy: Told) -> tuple[list[float] | None, str]:
    """Return for how many seconds a proxy waits, each value that some location has; none: for ever."""
    name = "proxy_read_timeout" if proxy.kind == "nginx" else "upstream_timeout"
    texts = listed(proxy.value(name))
    if not texts:
        return None, proxy.why_not(name, "config_sha256")
    if texts == ["none"]:
        return [], ""
    found = [_seconds(text) for text in texts]
    known = [value for value in found if value is not None]
    return (known, "") if len(known) == len(found) else (None, f"{', '.join(texts)} is no plain time")


def _seconds(text: str) -> float | None:
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _told(waits: Iterable[float]) -> str:
    return ", ".join(f"{seconds:g}" for seconds in waits)


def _longer(proxy: Told, timeout: int) -> str:
    if proxy.kind == "caddy":
        return f"transport http {{ response_header_timeout {timeout + 10}s }} in its reverse_proxy"
    return f"proxy_read_timeout {timeout + 10}s;"


def _config(proxy: Told) -> str:
    return f'Name its configuration: config = "..." in the table of {proxy.name}'


def _keepalive(one: Told, proxy: Told) -> Iterator[Found]:
    """Tell where the proxy may send a request on a connection that the application is just closing."""
    kept = _KEPT.search(proxy.value("upstream_keepalive"))
    own = one.number("keepalive" if one.kind == "gunicorn" else "timeout_keep_alive")
    if kept is None or own is None or worker_class(one) == "sync":
        return
    if own <= float(kept[2]):
        said = f"the proxy keeps idle connections for {kept[2]} s, the application closes them after {own} s"
        option = "--keep-alive" if one.kind == "gunicorn" else "--timeout-keep-alive"
        fix = (
            f"{option} {float(kept[2]) + 15:g} for {one.kind}, or a shorter keepalive_timeout in the upstream"
        )
        yield warning(f"{said}: a request may meet a closing one, 502", fix, proxy.name)


@check(
    "workers.class",
    "Workers are known",
    expected="it is known how many requests the application works on at once",
    why="The class of the workers decides what a slow request or a slow client holds up.",
    effect="The record names class and number of the workers.",
    patience=PATIENCE,
)
async def worker_classes(stack: Stack) -> Iterable[Found]:
    """Say what follows from each application's worker class for the planned users."""
    applications, proxies = await asyncio.gather(told(stack, *APPLICATIONS), told(stack, *PROXIES))
    if not applications:
        return [skipped("no Gunicorn or Uvicorn is read")]
    return [_class(one, before(one, proxies), stack.peak) for one in applications]


def worker_class(one: Told) -> str:
    """Return the class as it works: ``sync`` with several threads is ``gthread``."""
    if one.kind == "uvicorn":
        return "uvicorn"
    name = one.value("worker_class").strip("'\"")
    for known in ("gevent", "eventlet", "tornado", "gthread", "uvicorn", "asgi"):
        if known in name.lower():
            return known
    threads = one.number("threads")
    return "gthread" if name == "sync" and threads is not None and threads > 1 else name


def at_once(one: Told, peak: int) -> int | None:
    """Return how many requests an application works on at once, no more than there are users."""
    workers, kind = one.number("workers"), worker_class(one)
    if workers is None or not kind:
        return None
    each: int | None = peak
    if kind == "sync":
        each = 1
    elif kind == "gthread":
        each = one.number("threads")
    elif kind in ("gevent", "eventlet"):
        each = one.number("worker_connections")
    return None if each is None else min(workers * each, max(peak, workers))


def _class(one: Told, proxies: Sequence[Told], peak: int) -> Found:
    kind, workers = worker_class(one), one.number("workers")
    if one.down:
        return skipped(one.down, host=one.name)
    if not kind or workers is None:
        why = one.why_not("worker_class", "workers")
        return unknown(f"the workers are not known: {why}", "Name its unit, or its process", one.name)
    many = f"{workers} {kind} worker{'s' * (workers != 1)}"
    users = f"{peak} users are planned"
    match kind:
        case "sync":
            text = (
                f"{many}: at most {workers} request{'s' * (workers != 1)} at once, the others wait; {users}"
            )
            if unbuffered := _unbuffered(proxies):
                fix = "proxy_buffering on; proxy_request_buffering on; or threads"
                return warning(f"{text}; {unbuffered}: a slow client holds a worker up", fix, one.name)
            return ok(text, one.name)
        case "gthread":
            threads = one.value("threads") or "some"
            total = workers * (one.number("threads") or 0)
            most = f", at most {total} requests at once" if total else ""
            return ok(
                f"{many} of {threads} threads{most}, in turns on {workers} processes; {users}", one.name
            )
        case "gevent" | "eventlet":
            text = f"{many}: one that waits in a database driver which is not green waits for all; {users}"
            driver = "psycopg 3" if kind == "gevent" else "a driver that eventlet knows"
            fix = f"Look that the driver is green: {driver}, or psycopg2 with psycogreen"
            return warning(text, fix, one.name)
        case "uvicorn" | "asgi":
            text = f"{many}: async views share an event loop, sync views have threads; no limit of its own"
            return ok(f"{text}; {users}", one.name)
    return ok(f"{many}; {users}", one.name)


def _unbuffered(proxies: Sequence[Told]) -> str:
    if not proxies:
        return "no proxy is read that would take its place"
    for proxy in proxies:
        for name in ("proxy_buffering", "proxy_request_buffering"):
            if "off" in listed(proxy.value(name)):
                return f"{proxy.name} has {name} off"
    return ""


CHECKS = (aligned, worker_classes)
