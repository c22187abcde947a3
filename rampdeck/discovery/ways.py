"""The way of a request: from the target's port through the proxy to the application that answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rampdeck.nginx import Block
from rampdeck.processes import Process

_ANY = ("0.0.0.0", "[::]", "*", "")
_HERE = {"localhost": "127.0.0.1", "[::1]": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes, as far as it is known."""

    url: str = ""

    @property
    def host(self) -> str:
        """Its name, without the port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port; 0 where no target is known."""
        if not self.url:
            return 0
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


def port_of(address: str) -> int:
    """Return the port of ``127.0.0.1:8000``, ``[::]:8000`` or ``8000``; 0 for a unix socket."""
    _, _, port = address.rpartition(":")
    return int(port) if port.isdecimal() and not address.startswith("unix:") else 0


def is_at(addresses: Iterable[str], port: int) -> bool:
    """Return whether one of the addresses has the port."""
    return bool(port) and any(port_of(one) == port for one in addresses)


def meet(listening: Iterable[str], led_to: Iterable[str]) -> bool:
    """Return whether a request that is led there arrives at one who listens so."""
    ours = set(map(_plain, listening))
    for address in map(_plain, led_to):
        port = address.rpartition(":")[2]
        if address in ours or (
            not address.startswith("unix:") and any(f"{any_}:{port}" in ours for any_ in _ANY)
        ):
            return True
    return False


def _plain(address: str) -> str:
    if address.startswith("unix:"):
        return address.rstrip(":")
    host, _, port = address.rpartition(":")
    return f"{_HERE.get(host, host)}:{port}"


def bound(process: Process) -> Iterator[str]:
    """Yield where a Python server says on its command line that it listens."""
    host, port = "127.0.0.1", ""
    words = iter(process.arguments[process.program[1] :])
    for word in words:
        name, equals, value = word.partition("=")
        if name.startswith("-b") and not name.startswith("--") and name != "-b":
            yield name[2:]
        elif name in ("-b", "--bind", "--uds", "--host", "--port"):
            value = value if equals else next(words, "")
            if name in ("-b", "--bind"):
                yield value
            elif name == "--uds":
                yield f"unix:{value}"
            elif name == "--host":
                host = value
            else:
                port = value
    if port:
        yield f"{host}:{port}"


def server_of(tree: Block, target: Target) -> Block | None:
    """Return the server block of Nginx that answers the target, or the first one that proxies."""
    servers = [block for block in tree.walk() if block.name == "server" and _parents(block) == ["http"]]
    at = [one for one in servers if is_at(listens(one), target.port)]
    named = [one for one in at or servers if any(target.host in words for words in one.here("server_name"))]
    proxying = [one for one in named or at or servers if any(map(proxied, one.walk()))]
    return next(iter(proxying or named or at), None)


def listens(server: Block) -> list[str]:
    """Return where a server block listens; Nginx's own default is port 80."""
    found = [words[0] for words in server.here("listen") if words] or ["80"]
    return [
        f"*:{one}" if one.isdecimal() else one if port_of(one) or "unix:" in one else f"{one}:80"
        for one in found
    ]


def ports_of(tree: Block) -> set[int]:
    """Return all ports that a configuration listens at."""
    return {
        port_of(address)
        for block in tree.walk()
        if block.name == "server" and _parents(block) == ["http"]
        for address in listens(block)
    }


def proxied(block: Block) -> str:
    """Return where a block leads its requests to, as it is written; empty where to nobody."""
    return next((words[0] for words in block.here("proxy_pass") if words), "")


def led_to(tree: Block, server: Block) -> set[str]:
    """Return the addresses that a server block leads to: of upstreams those of their servers."""
    upstreams = {block.words[0]: block for block in tree.walk() if block.name == "upstream" and block.words}
    found: set[str] = set()
    for block in server.walk():
        if not (written := proxied(block)):
            continue
        place = re.sub(r"^https?://", "", written)
        if place.startswith("unix:"):
            found.add("unix:" + place.removeprefix("unix:").partition(":")[0])
            continue
        name = place.partition("/")[0]
        if name in upstreams:
            found |= {words[0] for words in upstreams[name].here("server") if words}
        else:
            found.add(name)
    return {one if one.startswith("unix:") or port_of(one) else f"{one}:80" for one in found}


def _parents(block: Block) -> list[str]:
    names = []
    while block.parent is not None and block.parent.name:
        block = block.parent
        names.append(block.name)
    return names
