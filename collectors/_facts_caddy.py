"""What a Caddy is made of: its version, and the file that its configuration was read from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rampdeck.facts import Fact, known, told, unknown
from rampdeck.processes import Process, processes
from rampdeck.remote import Shell

from ._facts_shell import HIDDEN, script, sections
from ._lines import text_of
from ._logfile import last_line

HASH = "LC_ALL=C sha256sum <FILE"
DIRECTIVES = "LC_ALL=C sed -nE 's/^[[:space:]]*(NAMES)([[:space:]].*)?$/\\1\\2/p' <FILE"
_READ = ("log", "format", "reverse_proxy", "response_header_timeout", "read_timeout", "keepalive")
"""What is looked for in a Caddyfile."""


class CaddyFacts:
    """Asks for the facts of one Caddy; ``config`` names its file where the processes do not."""

    def __init__(self, config: str) -> None:
        self._config = config
        self._look = script("facts_processes", "facts_caddy")

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look, HASH, _directives("FILE"))

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once; see :class:`rampdeck.collector.Teller`."""
        found, said = await sections(shell, self._look)
        version = "".join(found.get("version", ())[:1])
        process, why = self._meant(processes(found.get("processes", ())))
        facts = [
            told("caddy.version", "Caddy version", version, "caddy version", said or "no caddy in the PATH")
        ]
        file = self._config or (_file(process) if process else "")
        name, title = "caddy.config_sha256", "configuration file, sha256"
        if file:
            done = await shell.run(HASH.replace("FILE", shlex.quote(file)))
            digest = text_of(done.stdout).partition(" ")[0] if done.status == 0 else ""
            facts.append(told(name, title, digest, file, last_line(done.stderr)))
            if digest and not file.endswith(".json"):
                lines = text_of((await shell.run(_directives(shlex.quote(file)))).stdout).splitlines()
                facts += _of_caddyfile(lines, file)
        else:
            facts.append(unknown(name, title, why or "its command line names no file"))
        facts.append(_state(process, found))
        if process is not None:
            pid = process.pid
            facts.append(known("caddy.pid", "process id", pid, f"/proc/{pid}/cmdline", moves=True))
        return tuple(facts)

    def _meant(self, found: Sequence[Process]) -> tuple[Process | None, str]:
        there = [process for process in found if process.runs("caddy") and "run" in process.arguments]
        if self._config:
            there = [process for process in there if _file(process) == self._config]
        if len(there) == 1:
            return there[0], ""
        many = f"there are {len(there)} of them. Name the configuration with config"
        return (
            None,
            many if there else "no process of caddy is to be seen. Name its configuration with config",
        )


def _directives(file: str) -> str:
    return DIRECTIVES.replace("NAMES", "|".join(_READ)).replace("FILE", file)


def _of_caddyfile(lines: Sequence[str], file: str) -> Iterator[Fact]:
    """Tell what a Caddyfile says of its access log and of how long it waits for the application."""
    given = [line.partition(" ")[::2] for line in lines]
    formats = {words.split()[0] for name, words in given if name == "format" and words.split()}
    log = ", ".join(sorted(formats)) or "json" if any(name == "log" for name, _ in given) else "none"
    yield known("caddy.access_log_format", "format of the access log", log, file)
    if any(name == "reverse_proxy" for name, _ in given):
        waits = {
            words.strip() for name, words in given if name in ("response_header_timeout", "read_timeout")
        }
        title = "longest wait for the application"
        yield known("caddy.upstream_timeout", title, ", ".join(sorted(waits)) or "none", file)


def _state(process: Process | None, found: Mapping[str, Sequence[str]]) -> Fact:
    name, title, where = "caddy.state", "state", "processes in /proc"
    if process is not None:
        return known(name, title, "running", where)
    if found.get("hidden"):
        return unknown(name, title, HIDDEN, where)
    if any(one.runs("caddy") for one in processes(found.get("processes", ()))):
        return unknown(name, title, "nothing says which one of those that run is meant", where)
    return known(name, title, "stopped", where)


def _file(process: Process) -> str:
    """Return the configuration file that a process was started with, empty for one without a whole path."""
    words = process.arguments
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("--config", "-config", "-c"):
            file = value if equals else "".join(words[place + 1 : place + 2])
            return file if file.startswith("/") else ""
    return ""
