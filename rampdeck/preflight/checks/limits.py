"""Whether the proxy slows the load down because all of it comes from one address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.planned import Rate, planned_rate
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import PATIENCE, Told, listed, told

_REQUESTS = re.compile(r"(\S+): (\d+)r/([sm]) by (\S+)( of a map)?")
_CONNECTIONS = re.compile(r"(\S+): (\d+) by (\S+)( of a map)?")


@check(
    "proxy.rate_limit",
    "Proxy does not limit the generator",
    expected="no limit_req or limit_conn that the load meets",
    why="All users of the load come from one address; a limit for each address answers them 503 where the "
    "same users from anywhere would have been served.",
    effect="503 and 429 in the record may be those of the limit, not of the application.",
    patience=PATIENCE,
)
async def rate_limit(stack: Stack) -> Iterable[Found]:
    """Compare the limits of each Nginx with the planned load."""
    servers = await told(stack, "nginx")
    if not servers:
        return [skipped("no Nginx is read")]
    rate = planned_rate(stack)
    return [found for one in servers for found in _judged(one, rate, stack.peak)]


def _judged(one: Told, rate: Rate, peak: int) -> Iterator[Found]:
    if one.down:
        yield skipped(one.down, host=one.name)
        return
    if not one.value("config_sha256"):
        why = one.why_not("config_sha256")
        yield unknown(f"its configuration is not known: {why}", "Name it with config", one.name)
        return
    found = [*_requests(one, rate), *_connections(one, peak)]
    yield from found
    fact = one.facts["nginx.config_sha256"]
    if not found and ", without " in fact.provenance:
        left = fact.provenance.partition(", without ")[2]
        yield unknown(f"no limit is seen, but not all of it can be read: {left}", "chmod o+r them", one.name)
    elif not found:
        yield ok("it has neither limit_req nor limit_conn for the application", one.name)


def _requests(one: Told, rate: Rate) -> Iterator[Found]:
    for text in listed(one.value("limit_req")):
        if limit := _REQUESTS.match(text):
            zone, number, unit, key, mapped = limit.groups()
            most = int(number) / (60 if unit == "m" else 1)
            said = f"limit_req {zone} lets {number}r/{unit} by {key} through, planned are {rate}"
            yield _limited(one, f"{zone}", key, said, mapped=bool(mapped), beyond=rate.value > most)


def _connections(one: Told, peak: int) -> Iterator[Found]:
    for text in listed(one.value("limit_conn")):
        if limit := _CONNECTIONS.match(text):
            zone, number, key, mapped = limit.groups()
            said = f"limit_conn {zone} lets {number} connections by {key} through, planned are {peak} users"
            yield _limited(one, zone, key, said, mapped=bool(mapped), beyond=peak > int(number))


def _limited(one: Told, zone: str, key: str, said: str, *, mapped: bool, beyond: bool) -> Found:
    if mapped:
        text = f"{said}, but {key} comes from a map, which may leave the generator out"
        return warning(text, "Look that the generator's address maps to an empty key", one.name)
    return (
        failed(said, _leave_out(zone, key), one.name)
        if beyond
        else warning(said, _leave_out(zone, key), one.name)
    )


def _leave_out(zone: str, key: str) -> str:
    """Return what leaves the generator out: an empty key is not counted (ngx_http_limit_req_module)."""
    return (
        "geo $load_test { default 0; GENERATOR_ADDRESS 1; } "
        f'map $load_test $limit_key {{ 0 {key}; 1 ""; }} '
        f"and $limit_key in place of {key} in the zone {zone}"
    )


CHECKS = (rate_limit,)
