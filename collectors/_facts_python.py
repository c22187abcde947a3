"""What a Gunicorn or Uvicorn is made of: from its start lines, its processes, its unit and its container.

One short script looks who is there, a second one beside the arbiter's Python for
the versions of what it has installed, and into its configuration file. Nothing of
theirs is run. What only their user may read (a working folder, an environment) is
used where we may read it too.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rampdeck.facts import Fact, known, listed, told, unknown
from rampdeck.processes import Process, first_of, processes
from rampdeck.remote import Shell
from rampdeck.secrets import redact_arguments

from ._facts_journal import rate_limit
from ._facts_options import (
    GUNICORN,
    UVICORN,
    Setting,
    given,
    of_command_line,
    of_environment,
    of_file,
    words_of,
)
from ._facts_seen import Seen, arbiter_of, containers_of, pids_of, plain, start_lines, state_of
from ._facts_shell import quoted, script, sections
from ._places import LogConfig

LINES = 10_000
"""Lines at the end of a log in which the last start is looked for, where no process id leads to it."""
TAIL = 4_000_000
"""Bytes, the same."""
FORMAT = (
    "[{{json .Name}},{{json .State.Pid}},{{json .Config.Image}},{{json .Image}},{{json .Path}},"
    "{{json .Args}},"
    '{{json (index .Config.Labels "org.opencontainers.image.revision")}},{{json .RestartCount}},'
    "{{json .State.Status}},{{json .State.StartedAt}}]"
)
"""What ``docker inspect`` is to tell of a container, as JSON."""
NEEDLES = {
    "gunicorn": "Starting gunicorn |Listening at: |Using worker: ",
    "uvicorn": "Uvicorn running on |Started parent process |Started server process ",
}
PROGRAMS = {"gunicorn": "gunicorn", "uvicorn": "uvicorn|multiprocessing"}
"""What the command lines of a server and its workers have in them."""
SETTINGS = {"gunicorn": GUNICORN, "uvicorn": UVICORN}
PACKAGES = {"django": "Django", "gunicorn": "Gunicorn", "uvicorn": "Uvicorn"}
AGAIN = 1.2
"""Seconds after which workers are counted again where one seems to be missing: it is being replaced."""
_PACKAGE = re.compile(r"(.*)/(\w+)-([^-/]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_EXEC = re.compile(r"argv\[\]=(.*?) ; ")


class PythonFacts:
    """Asks for the facts of one server, ``gunicorn`` or ``uvicorn``, whose log is where ``config`` says."""

    def __init__(self, kind: str, config: LogConfig) -> None:
        self._kind = kind
        self._config = config
        self._in_container = bool(config.compose_service or config.container)
        self._look = script("facts_processes", "facts_python", **self._words())

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look, self._into("PID", "FOLDERS", "FILE"))

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once; see :class:`rampdeck.collector.Teller`."""
        seen = await self._seen(shell)
        found = _Found(self._kind, seen, arbiter_of(self._kind, seen))
        if found.arbiter is not None:
            await found.look_into(shell, self._into)
            if found.short:
                await asyncio.sleep(AGAIN)
                seen = await self._seen(shell)
                found.seen = replace(found.seen, processes=seen.processes)
        return tuple(found.facts())

    def _words(self) -> dict[str, str]:
        config, place = self._config, shlex.quote(self._config.unit)
        plain = not (config.file or config.compose_service or config.container)
        listing, journal = "", "journalctl --no-pager -q -o cat"
        if config.namespace:
            journal += f" --namespace={shlex.quote(config.namespace)}"
        if config.journal_file:
            journal += f" --file={shlex.quote(config.journal_file)} --merge"
        log = f"{journal} -u {place} -n {LINES}"
        if config.file:
            log = f"tail -c {TAIL} -- {shlex.quote(config.file)}"
        elif config.container:
            listing = f"echo {config.container}"
            log = f"docker logs --tail {LINES} {config.container}"
        elif config.compose_service:
            compose, service = _compose(config), shlex.quote(config.compose_service)
            listing = f"{compose} ps -q {service}"
            log = f"{compose} logs --no-color --no-log-prefix --tail {LINES} {service}"
        journald = f"journald@{config.namespace}.conf" if config.namespace else "journald.conf"
        words = {
            # A journal's file is another system's, or one that is over.
            "unit": config.unit if plain and not config.journal_file else "",
            "journald": journald if plain and not config.journal_file else "",
            "list": listing,
            "format": FORMAT,
            "program": PROGRAMS[self._kind],
            "journal": journal,
            "log": log,
            "needles": NEEDLES[self._kind],
        }
        return {name: shlex.quote(word) for name, word in words.items()}

    def _into(self, pid: str, roots: str, file: str) -> str:
        names = "|".join(SETTINGS[self._kind])
        return script("facts_release", pid=pid, roots=roots, file=file, settings=shlex.quote(names))

    async def _seen(self, shell: Shell) -> Seen:
        found, said = await sections(shell, self._look)
        return Seen(
            unit=dict(line.partition("=")[::2] for line in found.get("unit", ())),
            containers=tuple(containers_of(found.get("containers", ()))),
            processes=processes(found.get("processes", ())),
            log=tuple(found.get("log", ())),
            said=said,
            hidden=bool(found.get("hidden")),
            listed="failed" not in found.get("containers", ()) if self._in_container else None,
            journald=tuple(found.get("journald", ())),
        )


_WORDS = {"bind": "Listening at:", "worker_class": "Using worker:"}


class _Found:
    """Everything that is known of one server, and the facts of it."""

    def __init__(self, kind: str, seen: Seen, arbiter: Process | None) -> None:
        self.seen = seen
        self.arbiter = arbiter
        self._kind = kind
        self._log = start_lines(kind, seen.log)
        self._packages: dict[str, tuple[str, str]] = {}
        self._file: tuple[str, str, str] = ("", "", "")
        self._settings: dict[str, Setting] = {}

    async def look_into(self, shell: Shell, command: Any) -> None:
        """Look beside the arbiter's Python and into its configuration file."""
        assert self.arbiter is not None
        words, where = self._command_line()
        ordered = of_command_line(words, SETTINGS[self._kind], where)
        file = ordered["config"].value.removeprefix("file:") if "config" in ordered else ""
        file = file or ("gunicorn.conf.py" if self._kind == "gunicorn" and words else "")
        if file.startswith("python:"):
            file = ""
        pid = str(self.arbiter.pid)
        roots = quoted(_roots(self.arbiter, pid if self.seen.containers else ""))
        found, said = await sections(shell, command(pid, roots, shlex.quote(file)))
        for line in found.get("packages", ()):
            if package := _PACKAGE.fullmatch(line):
                folder, name, version = package.groups()
                self._packages.setdefault(name.lower(), (version, f"{name}-{version} in {folder}"))
        lines = found.get("file", ())
        digest = lines[0].partition(" ")[0] if lines else ""
        # Its default is a file that need not be there.
        self._file = (file if digest or "config" in ordered else "", digest, said)
        self._settings = given(
            ordered,
            of_environment(found.get("environment", ()), SETTINGS[self._kind]),
            of_file(lines[1:], file),
        )

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers, in order."""
        if self.arbiter is None:
            return []
        pid, helper = self.arbiter.pid, "multiprocessing.resource_tracker"
        found = [process for process in self.seen.processes if process.parent == pid]
        return sorted(one.pid for one in found if not any(helper in word for word in one.arguments))

    @property
    def short(self) -> bool:
        """Whether there are fewer workers than it was told to have."""
        told = self._settings.get("workers", Setting("", "")).value
        return self._kind == "gunicorn" and told.isdecimal() and len(self.workers) < int(told)

    def facts(self) -> Iterator[Fact]:
        """Return all facts, each with where it is from, or why it is not there."""
        yield self._version()
        yield state_of(self._kind, self.seen, self.arbiter)
        yield from self._of_settings()
        yield from self._of_processes()
        yield from self._of_unit()
        yield from self._of_containers()
        yield self._django()

    def _version(self) -> Fact:
        name, title = f"{self._kind}.version", f"{PACKAGES[self._kind]} version"
        if version := self._log.get("version"):
            return known(name, title, version, f"log: Starting gunicorn {version}")
        if self._kind in self._packages:
            return known(name, title, *self._packages[self._kind])
        return unknown(name, title, self._no_packages())

    def _of_settings(self) -> Iterator[Fact]:
        kind, defaults = self._kind, SETTINGS[self._kind]
        file, digest, complaint = self._file
        complete = self.arbiter is not None and bool(self._command_line()[0]) and (not file or bool(digest))
        for setting, default in defaults.items():
            name, title = f"{kind}.{setting}", setting.replace("_", " ")
            value, where = self._settings.get(setting, Setting("", ""))
            if setting == "workers" and self.workers and kind == "gunicorn":
                assert self.arbiter is not None
                yield known(name, title, len(self.workers), f"children of process {self.arbiter.pid}")
            elif value:
                yield known(name, title, value, where)
            elif said := self._log.get(setting):
                yield known(name, title, said, f"log: {_WORDS[setting]} {said}")
            elif complete and default:
                yield known(name, title, default, f"default of {PACKAGES[kind]}")
            elif not complete:
                yield unknown(name, title, self._incomplete())
        if file:
            name, title = f"{kind}.config_sha256", "configuration file, sha256"
            yield told(name, title, digest, file, complaint or "it cannot be read")

    def _of_processes(self) -> Iterator[Fact]:
        kind = self._kind
        if self.arbiter is None:
            yield unknown(f"{kind}.command", "command line", self._no_arbiter())
            return
        words, where = self._command_line()
        why = "the process shows a title of its own instead"
        yield told(f"{kind}.command", "command line", shlex.join(redact_arguments(words)), where, why)
        source = "parents and children in /proc"
        yield known(f"{kind}.master_pid", "master's process id", self.arbiter.pid, source, moves=True)
        if pids := self.workers:
            yield known(
                f"{kind}.worker_pids", "workers' process ids", listed(map(str, pids)), source, moves=True
            )

    def _of_unit(self) -> Iterator[Fact]:
        unit, shown = self.seen.unit, "systemctl show"
        if since := unit.get("ActiveEnterTimestamp"):
            yield known(f"{self._kind}.unit_started", "unit started", since, shown, moves=True)
        if restarts := unit.get("NRestarts"):
            yield known(f"{self._kind}.unit_restarts", "restarts by systemd", restarts, shown, moves=True)
        if path := unit.get("FragmentPath"):
            yield known(f"{self._kind}.unit_file", "unit file", path, shown)
        if self.seen.journald:
            yield rate_limit(self._kind, unit, self.seen.journald)

    def _of_containers(self) -> Iterator[Fact]:
        kind, containers, inspect = self._kind, self.seen.containers, "docker inspect"
        if not containers:
            return
        columns = [[plain(container[place]) for container in containers] for place in range(10)]
        names, _, images, ids, _, _, revisions, restarts, _, started = columns
        title = "containers started"
        yield known(f"{kind}.containers_started", title, listed(sorted(started)), inspect, moves=True)
        yield known(f"{kind}.containers", "containers", listed(sorted(names)), inspect, moves=True)
        yield known(f"{kind}.image", "image", listed(sorted(set(images))), inspect)
        yield known(f"{kind}.image_id", "image id", listed(sorted(set(ids))), inspect)
        if any(revisions):
            title = "commit of the image"
            yield known(
                f"{kind}.image_revision", title, listed(sorted(set(revisions))), f"{inspect}, its label"
            )
        yield known(f"{kind}.container_restarts", "restarts by Docker", listed(restarts), inspect, moves=True)

    def _django(self) -> Fact:
        name, title = "django.version", "Django version"
        if "django" in self._packages:
            return known(name, title, *self._packages["django"])
        return unknown(name, title, self._no_packages())

    def _command_line(self) -> tuple[list[str], str]:
        """Return the server's arguments, and where they are from: its process, its unit, its container."""
        if self.arbiter is not None and not self.arbiter.program[0].startswith(f"{self._kind}: "):
            _, first = self.arbiter.program
            words = list(self.arbiter.arguments)
            return words[first - 1 :], f"/proc/{self.arbiter.pid}/cmdline"
        if found := _EXEC.search(self.seen.unit.get("ExecStart", "")):
            return words_of(found[1]), "systemctl show, ExecStart"
        for container in self.seen.containers:
            return [plain(container[4]), *map(plain, container[5] or ())], "docker inspect"
        return [], ""

    def _no_arbiter(self) -> str:
        expected, who = pids_of(self._kind, self.seen)
        if expected:
            pids = ", ".join(map(str, sorted(expected)))
            return f"no process of {self._kind} with the number that {who} names ({pids}) is to be seen"
        there = first_of(self.seen.processes, self._kind)
        if len(there) > 1:
            pids = ", ".join(str(one.pid) for one in there)
            return f"there are {len(there)} of them (processes {pids}), and nothing says which one is meant"
        return f"no process of {self._kind} is to be seen" + (f": {self.seen.said}" if self.seen.said else "")

    def _incomplete(self) -> str:
        if self.arbiter is None:
            return self._no_arbiter()
        file, _, said = self._file
        if file:
            return f"its configuration file {file} cannot be read" + (f": {said}" if said else "")
        return "its command line is not to be seen"

    def _no_packages(self) -> str:
        if self.arbiter is None:
            return self._no_arbiter()
        roots = ", ".join(_roots(self.arbiter, str(self.arbiter.pid) if self.seen.containers else ""))
        return f"no such package below {roots}" if roots else "where its Python lies is not to be seen"


def _roots(arbiter: Process, pid: str) -> list[str]:
    """Return the folders that may have the packages: beside the interpreter, beside the program.

    In a container they are seen through the process, where we may.
    """
    words = [arbiter.arguments[0], arbiter.program[0]]
    folders = [word.rpartition("/")[0].rpartition("/")[0] for word in words if word.startswith("/")]
    folders += ["/usr/local"] if "/usr" in folders else []
    prefix = f"/proc/{pid}/root" if pid else ""
    return [prefix + folder for folder in dict.fromkeys(folders) if folder]


def _compose(config: LogConfig) -> str:
    command = "docker compose"
    if config.compose_file:
        command += f" -f {shlex.quote(config.compose_file)}"
    if config.project_directory:
        command += f" --project-directory {shlex.quote(config.project_directory)}"
    return command
