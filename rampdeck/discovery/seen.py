"""What one look at a host shows: its servers, what started them, what they have open, what listens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

from rampdeck.processes import WALK, Process

SCRIPT = Path(__file__).with_name("look.sh")
PATIENCE = 30.0
"""Seconds that a look may take: Docker and a large journal are slow to answer."""
_CONTAINER_FORMAT = (
    'container {{.Id}}\t{{.Name}}\t{{index .Config.Labels "com.docker.compose.service"}}'
    '\t{{index .Config.Labels "com.docker.compose.project.working_dir"}}'
    '\t{{index .Config.Labels "com.docker.compose.project.config_files"}}'
    "\t{{range $port, $at := .NetworkSettings.Ports}}"
    "{{range $at}}{{$port}}={{.HostIp}}:{{.HostPort}} {{end}}{{end}}"
    "\t{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
)
_SECTION = re.compile(r"^== (\w+)$", re.MULTILINE)
_IN_CONTAINER = re.compile(r"(?:docker[-/]|libpod-|/)([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_UNIT = re.compile(r"/([^/\s]+\.service)$")
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_TCP = re.compile(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")


def look() -> str:
    """Return the command that looks at a host."""
    return f"format='{_CONTAINER_FORMAT}'\n{WALK}{SCRIPT.read_text(encoding='utf-8')}"


@dataclass(frozen=True, slots=True)
class Server:
    """A server's first process: its unit, its container, and what it has open as far as that may be read."""

    process: Process
    unit: str = ""
    container: str = ""
    cwd: str = ""
    files: Mapping[int, str] = field(default_factory=dict)

    @property
    def sockets(self) -> frozenset[str]:
        """The numbers of its open sockets."""
        return frozenset(found[1] for file in self.files.values() if (found := _SOCKET.fullmatch(file)))


@dataclass(frozen=True, slots=True)
class Unit:
    """A service of systemd: its main process, where its output goes, whether its journal shows us a line."""

    name: str
    pid: int = 0
    active: bool = False
    output: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs, of a compose project with its service; ``ports``: those inside to outside."""

    id: str
    name: str
    service: str = ""
    folder: str = ""
    compose_files: tuple[str, ...] = ()
    ports: Mapping[int, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """All of it. ``listening`` are addresses (``127.0.0.1:8000``, ``unix:/run/a.sock``) by their sockets."""

    user: str = ""
    hidden: bool = False
    build: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[Server, ...] = ()
    listening: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    no_containers: str = ""
    """Why Docker, which is there, did not answer."""

    def of(self, *names: str) -> tuple[Server, ...]:
        """Return the servers that are programs of these names."""
        return tuple(one for one in self.servers if any(one.process.runs(name) for name in names))

    def addresses(self, server: Server) -> frozenset[str]:
        """Return where a server listens, as far as its sockets may be seen."""
        return frozenset(self.listening[one] for one in server.sockets if one in self.listening)


def read(output: str) -> Seen:
    """Return what a look showed; a line that says nothing known is nothing."""
    parts = _SECTION.split(output)
    sections: dict[str, list[str]] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        sections.setdefault(name, text.strip("\n").splitlines())
    user = sections.get("user", [])
    containers = [line for line in sections.get("containers", []) if line]
    return Seen(
        user=user[0] if user else "",
        hidden="hidden" in user[1:],
        build=dict(_pair(line.removeprefix("--")) for line in sections.get("build", []) if "=" in line),
        servers=tuple(_servers(sections.get("processes", []))),
        listening=dict(_listening(sections.get("listening", []))),
        units=dict(_units(sections.get("units", []), sections.get("journal", []))),
        containers={one.id: one for one in map(_container, containers) if one},
        no_containers=next((line[7:] for line in containers if line.startswith("failed ")), ""),
    )


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


def _servers(lines: Sequence[str]) -> Iterator[Server]:
    """Yield the first process of each server: its parent is none of the same program."""
    found: dict[int, Server] = {}
    last = 0
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "process" and (process := Process.of(rest)):
            last = process.pid
            found[last] = Server(process)
        elif last in found:
            found[last] = _with(found[last], word, rest)
    for one in found.values():
        parent = found.get(one.process.parent)
        if parent is None or _name(parent) != _name(one):
            yield one


def _name(server: Server) -> str:
    return re.split(r"[/:]", server.process.program[0].partition(": ")[0])[-1]


def _with(server: Server, word: str, rest: str) -> Server:
    if word == "cwd":
        return replace(server, cwd=rest.strip())
    if word == "fd":
        number, _, file = rest.partition(" ")
        return replace(server, files={**server.files, int(number): file}) if number.isdecimal() else server
    if word == "group":
        if inside := _IN_CONTAINER.search(rest):
            return replace(server, container=inside[1])
        # A service of a user's own manager has another journal.
        if (unit := _UNIT.search(rest)) and "/user@" not in rest:
            return replace(server, unit=unit[1])
    return server


def _listening(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match line.split(" "):
            case ["tcp", address, inode] if found := _TCP.fullmatch(address):
                yield inode, f"{_address(found[1])}:{int(found[2], 16)}"
            case ["unix", inode, *path]:
                yield inode, f"unix:{' '.join(path)}"


def _address(text: str) -> str:
    """Return an address of /proc/net/tcp: words of four bytes, each the other way round (proc(5))."""
    data = bytes.fromhex(text)
    found = ip_address(b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4)))
    return f"[{found}]" if found.version == 6 else str(found)


def _units(lines: Sequence[str], readable: Sequence[str]) -> Iterator[tuple[str, Unit]]:
    for block in "\n".join(lines).split("\n\n"):
        told = dict(map(_pair, block.splitlines()))
        if name := told.get("Id", ""):
            # What stderr says wins: both servers log there by themselves.
            output = told.get("StandardError", "")
            output = told.get("StandardOutput", "") if output in ("", "inherit") else output
            pid = told.get("MainPID", "")
            yield (
                name,
                Unit(
                    name,
                    int(pid) if pid.isdecimal() else 0,
                    told.get("ActiveState") == "active",
                    output,
                    name in readable,
                ),
            )


def _container(line: str) -> Container | None:
    if not line.startswith("container "):
        return None
    words = [*line.removeprefix("container ").split("\t"), *[""] * 7][:7]
    id_, name, service, folder, files, ports, addresses = (
        "" if one == "<no value>" else one for one in words
    )
    return Container(
        id_,
        name.removeprefix("/"),
        service,
        folder,
        tuple(file for file in files.split(",") if file),
        dict(_ports(ports)),
        tuple(addresses.split()),
    )


def _ports(text: str) -> Iterator[tuple[int, str]]:
    """Yield of ``5432/tcp=0.0.0.0:15432`` the port inside and the address on the host."""
    for word in text.split():
        inside, _, outside = word.partition("=")
        host, _, port = outside.rpartition(":")
        number = inside.partition("/")[0]
        if number.isdecimal() and port.isdecimal():
            at = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
            yield int(number), f"{at}:{port}"
