"""Where a server's own log is: a file, a journal, a container."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rampdeck.discovery.draft import Entry, Missing
from rampdeck.discovery.seen import Seen, Server, Unit

_TO_FILE = re.compile(r"(?:file|append|truncate):(/.+)")
_NO_FILE = ("/dev/", "/proc/")
FIX = "write where it is: unit, file, compose_service or container"


def log_of(seen: Seen, server: Server, options: Sequence[str]) -> tuple[Entry, ...] | Missing:
    """Return the keys that say where a server's log is, or why that is not known.

    In this order: what its command line says (``options`` are those that name
    a log), its container, what its stderr leads to, what its unit says.
    """
    if path := _named(server, options):
        return (Entry("file", path, f"of process {server.process.pid}"),)
    if server.container:
        return _of_container(seen, server)
    error = server.files.get(2, "")
    if error.startswith("/") and not error.startswith(_NO_FILE) and not error.endswith(" (deleted)"):
        return (Entry("file", error, f"where process {server.process.pid} writes"),)
    if unit := seen.units.get(server.unit):
        return _of_unit(seen, server, unit)
    if error.startswith("pipe:"):
        return Missing("its log", "it goes to another process", FIX)
    if error:
        return Missing("its log", f"it goes to {error}", FIX)
    return Missing(
        "its log", f"what process {server.process.pid} has open is shown to its own user only", FIX
    )


def _named(server: Server, options: Sequence[str]) -> str:
    """Return the file that the command line names."""
    words = server.process.arguments
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            path = value if equals else "".join(words[place + 1 : place + 2])
            if path.startswith("/"):
                return path
            if path not in ("", "-") and server.cwd.startswith("/"):
                return f"{server.cwd.rstrip('/')}/{path}"
    return ""


def _of_container(seen: Seen, server: Server) -> tuple[Entry, ...] | Missing:
    one = seen.containers.get(server.container)
    if one is None:
        why = seen.no_containers or "docker does not know its container"
        return Missing("its log", why, f"let {seen.user or 'our user'} ask Docker: usermod -aG docker USER")
    if not one.service:
        return (Entry("container", one.name, "docker ps"),)
    entries = [Entry("compose_service", one.service, f"container {one.name}")]
    if len(one.compose_files) == 1:
        entries.append(Entry("compose_file", one.compose_files[0]))
    if one.folder:
        entries.append(Entry("project_directory", one.folder))
    return tuple(entries)


def _of_unit(seen: Seen, server: Server, unit: Unit) -> tuple[Entry, ...] | Missing:
    if found := _TO_FILE.fullmatch(unit.output):
        return (Entry("file", found[1], f"where {unit.name} writes"),)
    # Under a supervisor or a shell the unit is theirs, and its journal holds what they say.
    if unit.pid not in (server.process.pid, server.process.parent):
        return Missing("its log", f"it runs under {unit.name}, which is not its own unit", FIX)
    note = f"of process {server.process.pid}"
    if not unit.readable:
        note = f"its journal shows us nothing: usermod -aG systemd-journal {seen.user or 'USER'}"
    return (Entry("unit", unit.name, note),)
