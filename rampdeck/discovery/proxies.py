"""The proxy of a host: which Nginx or Caddy answers the target, where it logs, whom it leads to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from rampdeck.discovery.draft import Draft, Entry, Missing, Table
from rampdeck.discovery.logs import log_of
from rampdeck.discovery.seen import Seen, Server
from rampdeck.discovery.ways import Target, is_at, led_to, ports_of, server_of
from rampdeck.errors import SourceError
from rampdeck.nginx import Block, Configuration, Master, masters, read, tree
from rampdeck.remote import Shell

MOST = 8
"""Masters of Nginx whose configurations are looked at."""
_CHANGES = re.compile(r"[$\s]")


@dataclass(frozen=True)
class Nginx:
    """An Nginx with its configuration, if that may be read."""

    server: Server
    master: Master
    configuration: Configuration | None
    root: Block

    def at(self, seen: Seen, port: int) -> bool:
        """Return whether it listens at a port: as its sockets say, or else its configuration."""
        if addresses := seen.addresses(self.server):
            return is_at(addresses, port)
        return port in ports_of(self.root)


async def nginxes(shell: Shell, seen: Seen) -> list[Nginx]:
    """Return every Nginx of a host."""
    default, prefix = seen.build.get("conf-path", ""), seen.build.get("prefix", "")
    found = []
    for server in seen.of("nginx")[:MOST]:
        line = f"- {server.process.pid} {server.process.parent} {server.process.arguments[0]}"
        for master in masters([line], default, prefix):
            configuration = None
            if master.config and not server.container:  # its files would be others, in a container
                with suppress(SourceError):
                    configuration = await read(shell, master.config)
            root = tree(configuration.files if configuration else {})
            found.append(Nginx(server, master, configuration, root))
    return found


async def proxy(shell: Shell, host: str, seen: Seen, target: Target, draft: Draft) -> set[str]:
    """Put the table of a host's proxy into the draft; returns the addresses that it leads to."""
    every = await nginxes(shell, seen)
    caddies = list(seen.of("caddy"))
    meant = [one for one in every if one.at(seen, target.port)]
    also = [one for one in caddies if is_at(seen.addresses(one), target.port)]
    if not (meant or also):
        meant, also = every, caddies
    for name, those in (("Nginx", [one.server for one in meant]), ("Caddy", also)):
        if len(those) > 1:
            pids = ", ".join(str(one.process.pid) for one in those)
            draft.miss(
                f"which {name} of {host} is meant",
                f"there are {len(those)}: processes {pids}",
                "give --target, whose port tells; or write its [[collectors]] by hand",
            )
    if len(also) == 1:
        _caddy(host, seen, also[0], draft)
    if len(meant) == 1:
        return _nginx(host, seen, meant[0], target, draft)
    return set()


def _nginx(host: str, seen: Seen, nginx: Nginx, target: Target, draft: Draft) -> set[str]:
    block = server_of(nginx.root, target) or nginx.root
    entries, missing = [Entry("kind", "nginx"), Entry("host", host)], []
    for key, log in (("access_log", _access(block)), ("error_log", _words(block, "error_log"))):
        entry = _log(key, log, nginx, seen)
        if isinstance(entry, Missing):
            missing.append(entry)
            entry = Entry(key, f"/var/log/nginx/{key.replace('_log', '.log')}", "not found", open=True)
        entries.append(entry)
    if nginx.master.config:
        entries.append(Entry("config", nginx.master.config, f"of process {nginx.server.process.pid}"))
    nothing = all(entry.open for entry in entries if entry.key.endswith("_log"))
    draft.add(Table(("collectors",), tuple(entries), array=True, open=nothing))
    for one in missing:
        draft.miss(f"the {one.what} of Nginx on {host}", one.why, one.fix)
    return led_to(nginx.root, block)


def _access(server: Block) -> list[str]:
    """Return the access log that holds where the server proxies."""
    blocks = [block for block in server.walk() if block.here("proxy_pass")]
    return _words(blocks[0] if blocks else server, "access_log")


def _words(block: Block, name: str) -> list[str]:
    return [words[0] for words in block.holds(name) if words]


def _log(key: str, written: Sequence[str], nginx: Nginx, seen: Seen) -> Entry | Missing:
    """Return where a log is: as its configuration says, as it was started, or as it was built."""
    what = key.replace("_", " ")
    fix = f"write its {key}, a file that our user may read"
    if nginx.server.container:
        return Missing(what, "it runs in a container, whose files are not the host's", fix)
    whence = nginx.master.config
    built = seen.build.get("http-log-path" if key == "access_log" else "error-log-path", "")
    paths = list(written)
    if not paths and key == "error_log" and nginx.master.error_log:
        paths, whence = [nginx.master.error_log], f"of process {nginx.server.process.pid}"
    elif not paths and nginx.configuration is None:
        return Missing(what, f"{nginx.master.config} cannot be read", fix)
    elif not paths:
        paths, whence = [built], "as it was built (nginx -V)"
    files = [path for path in paths if path and path != "off" and ":" not in path]
    if not files or _CHANGES.search(files[0]) or files[0] in ("stderr", "/dev/null"):
        why = f"{key} is {paths[0]}" if paths[0] else "nothing says where it is"
        return Missing(what, why, f"let Nginx write it into a file: {key} /var/log/nginx/staging.log")
    path = files[0]
    if not path.startswith("/"):
        prefix = nginx.master.prefix or seen.build.get("prefix", "")
        path = f"{prefix.rstrip('/')}/{path}"
    return Entry(key, path, f"from {whence}" if whence.startswith("/") else whence)


def _caddy(host: str, seen: Seen, server: Server, draft: Draft) -> None:
    place = log_of(seen, server, ())
    if isinstance(place, Missing):
        draft.miss(f"the log of Caddy on {host}", place.why, place.fix)
        place = (Entry("unit", "caddy.service", "not found", open=True),)
    files = list(dict.fromkeys(_logs_open(server)))
    entries = [Entry("kind", "caddy"), Entry("host", host), *place]
    if len(files) == 1 and not server.container:
        entries.append(Entry("access_log", files[0], f"open in process {server.process.pid}"))
    words = server.process.arguments
    config = next((after for word, after in pairwise(words) if word == "--config"), "")
    if config.startswith("/"):
        entries.append(Entry("config", config, f"of process {server.process.pid}"))
    draft.add(Table(("collectors",), tuple(entries), array=True, open=any(entry.open for entry in place)))


def _logs_open(server: Server) -> Iterator[str]:
    usual = {server.files.get(1), server.files.get(2)}
    for file in server.files.values():
        if file.startswith("/") and file.endswith(".log") and file not in usual:
            yield file
