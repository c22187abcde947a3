"""What an Nginx's configuration says of a load: how it proxies, what it logs, whom it slows down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from rampdeck.facts import Fact, known, listed
from rampdeck.nginx import Block, Words, seconds

DEFAULT = "default of Nginx"
COMBINED = (
    "$remote_addr - $remote_user [$time_local] $request $status $body_bytes_sent "
    "$http_referer $http_user_agent"
)
"""The format that Nginx takes where none is named."""
_VARIABLE = re.compile(r"\$\{?(\w+)")
_RATE = re.compile(r"rate=(\d+)r/([sm])")
NONE = "none"


def told(root: Block, how: str, access_log: str, error_log: str) -> Iterator[Fact]:
    """Return the facts; ``how`` the configuration was had, and the logs that are read of this Nginx."""
    yield from _of_processes(root, how)
    if proxied := [block for block in root.walk() if block.here("proxy_pass")]:
        yield from _of_proxying(root, proxied, how)
        yield from _of_limits(root, proxied, how)
    yield from _of_access_log(root, access_log, how)
    if error_log:
        levels = _unique(_level(words) for words in _written(root, "error_log", error_log)) or ["error"]
        where = how if _written(root, "error_log", error_log) else DEFAULT
        yield known("nginx.error_log_level", "level of the error log", listed(levels), where)


def _of_processes(root: Block, how: str) -> Iterator[Fact]:
    for name, default in (("worker_processes", "1"), ("worker_connections", "512")):
        given = root.everywhere(name)
        value = given[-1][0] if given and given[-1] else default
        yield known(f"nginx.{name}", name, value, how if given else DEFAULT)
    if given := root.here("worker_rlimit_nofile"):
        yield known("nginx.worker_rlimit_nofile", "worker_rlimit_nofile", " ".join(given[-1]), how)


def _of_proxying(root: Block, proxied: Sequence[Block], how: str) -> Iterator[Fact]:
    upstreams = {block.words[0]: block for block in root.walk() if block.name == "upstream" and block.words}
    targets = [_target(block.value("proxy_pass", "")) for block in proxied]
    addresses = _unique(address for target in targets for address in _addresses(target, upstreams))
    yield known("nginx.upstreams", "addresses behind it", listed(addresses), how)
    timeouts = _unique(_plain(block.value("proxy_read_timeout", "60s")) for block in proxied)
    where = how if root.everywhere("proxy_read_timeout") else DEFAULT
    yield known("nginx.proxy_read_timeout", "proxy_read_timeout (s)", listed(timeouts), where)
    for name in ("proxy_buffering", "proxy_request_buffering"):
        values = _unique(block.value(name, "on") for block in proxied)
        yield known(f"nginx.{name}", name, listed(values), how if root.everywhere(name) else DEFAULT)
    kept = _unique(_kept(upstreams[target]) for target in targets if target in upstreams) or [NONE]
    yield known("nginx.upstream_keepalive", "connections kept to the application", listed(kept), how)


def _of_limits(root: Block, proxied: Sequence[Block], how: str) -> Iterator[Fact]:
    """Tell what slows the users of the application down, in the words that the preflight reads."""
    mapped = {block.words[-1] for block in root.walk() if block.name in ("map", "geo") and block.words}
    for kind in ("limit_req", "limit_conn"):
        zones = {zone: words for words in root.everywhere(f"{kind}_zone") if (zone := _zone(words))}
        zones |= {zone: (f"{it[0]} of a map", *it[1:]) for zone, it in zones.items() if it[0] in mapped}
        limiting = [block for block in proxied if block.value(f"{kind}_dry_run", "off") != "on"]
        found = _unique(
            text for block in limiting for words in block.holds(kind) if (text := _limit(words, zones))
        )
        yield known(f"nginx.{kind}", kind, listed(found) or NONE, how if found else DEFAULT)


def _limit(words: Words, zones: dict[str, Words]) -> str:
    """Return ``ZONE: 10r/s by $KEY`` of a limit_req, ``ZONE: 20 by $KEY`` of a limit_conn."""
    given = dict(word.partition("=")[::2] for word in words if "=" in word)
    name = given.get("zone", words[0] if words else "")
    if name not in zones:
        return ""
    of_zone = zones[name]
    rate = next((match for word in of_zone if (match := _RATE.fullmatch(word))), None)
    if rate is None:
        return f"{name}: {words[1]} by {of_zone[0]}" if len(words) > 1 and words[1].isdecimal() else ""
    burst = f" burst {given['burst']}" if "burst" in given else ""
    return f"{name}: {rate[1]}r/{rate[2]} by {of_zone[0]}{burst}"


def _zone(words: Words) -> str:
    return next((word.removeprefix("zone=").partition(":")[0] for word in words if "zone=" in word), "")


def _of_access_log(root: Block, access_log: str, how: str) -> Iterator[Fact]:
    formats = {words[0]: " ".join(words[1:]) for words in root.everywhere("log_format") if words}
    formats.setdefault("combined", COMBINED)
    written = _written(root, "access_log", access_log)
    names = _unique(_format(words) for words in written) or ["combined"]
    where = how if written else DEFAULT
    yield known("nginx.access_log_format", "format of the access log", listed(names), where)
    each = [set(_VARIABLE.findall(formats.get(name, ""))) for name in names]
    common = sorted(set.intersection(*each))
    yield known("nginx.access_log_variables", "what each line of it has", listed(common), where)


def _format(words: Words) -> str:
    named = [word for word in words[1:] if "=" not in word and word != "gzip"]
    return named[0] if named else "combined"


def _level(words: Words) -> str:
    return words[1] if len(words) > 1 else "error"


def _written(root: Block, name: str, path: str) -> list[Words]:
    """Return the directives that write a file, which may be given from Nginx's folder on."""
    return [
        words
        for words in root.everywhere(name)
        if words and words[0] != "off" and (not path or path == words[0] or path.endswith(f"/{words[0]}"))
    ]


def _target(url: str) -> str:
    """Return the server part of a proxy_pass: a name of an upstream, an address, a socket's path."""
    rest = url.partition("://")[2]
    if rest.startswith("unix:"):
        return "unix:" + rest.removeprefix("unix:").partition(":")[0]
    if "$" in rest:
        return rest.partition("/")[0]
    return urlsplit(f"//{rest}").netloc


def _addresses(target: str, upstreams: dict[str, Block]) -> list[str]:
    if target in upstreams:
        return [words[0] for words in upstreams[target].here("server") if words]
    return [target] if target else []


def _kept(upstream: Block) -> str:
    given = upstream.here("keepalive")
    if not given or not given[-1]:
        return NONE
    idle = [words[0] for words in upstream.here("keepalive_timeout") if words]
    return f"{given[-1][0]} connections for {_plain(idle[-1] if idle else '60s')} s"


def _plain(text: str) -> str:
    """Return a time in seconds, or as it is written where that is none."""
    value = seconds(text)
    return text if value is None else f"{value:g}"


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
