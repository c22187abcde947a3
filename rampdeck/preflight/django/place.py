"""Where the application is: as ``[django]`` says, and the rest as the running server shows it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rampdeck.config import DjangoConfig
from rampdeck.errors import SourceError
from rampdeck.processes import WALK, Process, first_of, is_python
from rampdeck.remote import Shell
from rampdeck.text import clean

SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne")
_LOOK = Path(__file__).with_name("look.sh")
_EXEC = re.compile(r"path=(.*?) ; argv\[\]=(.*?) ; ")
_MODULE = re.compile(r"\[?([A-Za-z_][\w.]*)(?::[A-Za-z_][\w.()]*)?\]?")
_LISTED = re.compile(r"[,:]")
_OPTIONS = {
    "--chdir": "paths",
    "--pythonpath": "paths",
    "--app-dir": "paths",
    "-e": "environment",
    "--env": "environment",
    "--env-file": "env_file",
}
"""What the options of Gunicorn and Uvicorn say of the surroundings."""
_FIX = "Say where the application is: [django] host, folder, python, settings"


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of the server otherwise: its unit, its process, the container that it runs in."""

    unit: str = ""
    pid: int = 0
    container: str = ""
    compose: str = ""
    """``docker compose`` with its options, where it runs in a service of that."""
    service: str = ""


@dataclass(frozen=True)
class Place:
    """Where an application can be asked; what is empty is left to the application's host to find.

    ``prefix`` is what leads into its container. ``search`` is the PATH by which
    a Python without a folder is found. ``how`` says what each part is from.
    """

    host: str
    folder: str = ""
    python: str = ""
    search: str = ""
    settings: str = ""
    manage: str = "manage.py"
    module: str = ""
    """The module that the server serves, ``shop.wsgi``: it may set the settings' name."""
    env_file: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    pid: int = 0
    unit: str = ""
    paths: tuple[str, ...] = ()
    prefix: str = ""
    how: tuple[str, ...] = ()

    def command(self, line: str) -> str:
        """Return a shell line as it is to be run: here, or in the container."""
        return f"{self.prefix} sh -c {shlex.quote(line)}" if self.prefix else line


@dataclass(frozen=True)
class _Running:
    """A server's process with what its host lets us see of it."""

    process: Process
    seen: Mapping[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        """Its arguments, without the program."""
        _, first = self.process.program
        return self.process.arguments[first:]

    def python(self) -> tuple[str, str]:
        """Return its interpreter, and the PATH to look for it where it has no folder."""
        first = self.process.arguments[0]
        if is_python(first):
            if "/" not in first:
                return first, self.seen.get("PATH", "")
            return (first if first.startswith("/") else f"{self.seen.get('cwd', '')}/{first}"), ""
        if home := self.seen.get("home") or self.seen.get("VIRTUAL_ENV"):
            return f"{home}/bin/python", ""
        return self.seen.get("exe", ""), ""


def look(unit: str) -> str:
    """Return the script that looks for servers."""
    return f"unit={shlex.quote(unit)}\n{WALK}{_LOOK.read_text(encoding='utf-8')}"


async def find(shell: Shell, config: DjangoConfig, hint: Hint | None = None) -> Place:
    """Return where the application is.

    Raises :class:`SourceError` where nothing says so, or several servers do;
    :class:`RemoteError` where the host cannot be asked.
    """
    hint = hint or Hint()
    found = given(shell.host, config, hint)
    if found.folder and found.python and found.settings and (found.environment or found.env_file):
        return replace(found, how=("[django]",))
    unit = "" if found.prefix else hint.unit
    done = await shell.run(found.command(look(unit)))
    if done.status == 127 and found.prefix:
        raise SourceError("the application's container cannot be entered", "there is no docker", _FIX)
    shown, running = _read(done.stdout.decode("utf-8", "replace"))
    one = _meant(running, found, int(shown.get("MainPID") or 0) or hint.pid)
    if one is not None:
        found = _with_process(found, one)
    if shown.get("ExecStart"):
        found = _with_unit(found, shown, unit)
    if not found.folder and not (found.prefix and found.settings):
        said = clean(done.stderr.decode("utf-8", "replace").strip(), 200) if done.status else ""
        raise SourceError("the application is not found", said or _why(running, one), _FIX)
    return found


def given(host: str, config: DjangoConfig, hint: Hint) -> Place:
    """Return what the configuration says, before anybody has looked."""
    prefix = ""
    if config.container or (hint.container and not config.compose_service):
        prefix = f"docker exec -i {shlex.quote(config.container or hint.container)}"
    elif service := config.compose_service or hint.service:
        prefix = f"{hint.compose or 'docker compose'} exec -T {shlex.quote(service)}"
    return Place(
        host,
        config.folder,
        config.python,
        settings=config.settings,
        manage=config.manage,
        env_file=config.env_file,
        environment=config.environment,
        prefix=prefix,
        how=("[django]",) if config.folder else (),
    )


def _read(output: str) -> tuple[dict[str, str], list[_Running]]:
    """Return what the unit says, and the processes; a line that says nothing known is nothing."""
    head, _, tail = output.partition("== processes\n")
    unit = dict(line.partition("=")[::2] for line in head.splitlines()[1:])
    found: list[tuple[Process, dict[str, str]]] = []
    for line in tail.splitlines():
        name, _, rest = line.partition(" ")
        if name == "process" and (process := Process.of(rest)):
            found.append((process, {}))
        elif found and name in ("cwd", "exe", "home"):
            found[-1][1].setdefault(name, rest)
        elif found and "=" in line:
            variable, _, value = line.partition("=")
            found[-1][1].setdefault(variable, value)
    return unit, [_Running(process, seen) for process, seen in found]


def _meant(running: Sequence[_Running], place: Place, pid: int) -> _Running | None:
    """Return the server that is meant: by its number, by its folder, or the only one; its first process."""
    processes = [one.process for one in running]
    first = {one.pid for name in SERVERS for one in first_of(processes, name)}
    there = [one for one in running if one.process.pid in first]
    if pid:
        return next((one for one in there if pid in (one.process.pid, one.process.parent)), None)
    if place.folder:
        there = [one for one in there if one.seen.get("cwd") == place.folder]
    return there[0] if len(there) == 1 else None


def _why(running: Sequence[_Running], one: _Running | None) -> str:
    if one is not None:
        return f"where process {one.process.pid} runs is shown to its own user only"
    processes = [each.process for each in running]
    pids = [str(first.pid) for name in SERVERS for first in first_of(processes, name)]
    if len(pids) > 1:
        return f"there are {len(pids)} servers ({', '.join(pids)}), and nothing says which one is meant"
    return "no Gunicorn and no Uvicorn is to be seen"


def _with_process(place: Place, one: _Running) -> Place:
    pid = one.process.pid
    python, search = (place.python, "") if place.python else one.python()
    place = _with_words(place, [*one.words, *one.process.arguments[:1]])
    return replace(
        place,
        folder=place.folder or one.seen.get("cwd", ""),
        python=python,
        search=search,
        settings=place.settings or place.environment.get("DJANGO_SETTINGS_MODULE", ""),
        pid=pid,
        how=(*place.how, f"process {pid}"),
    )


def _with_unit(place: Place, shown: Mapping[str, str], unit: str) -> Place:
    found = _EXEC.search(shown["ExecStart"])
    program, line = found.groups() if found else ("", "")
    place = _with_words(place, line.split())
    # A script of a virtual environment stands beside its Python.
    python = program if is_python(program) else f"{program.rpartition('/')[0]}/python" if program else ""
    return replace(
        place,
        # Its words; "!" and "-" before it are systemd's.
        folder=place.folder or shown.get("WorkingDirectory", "").lstrip("!-"),
        python=place.python or python,
        unit=unit,
        how=(*place.how, unit),
    )


def _with_words(place: Place, words: Sequence[str]) -> Place:
    """Return a place with what a server's command line says of it; what is known already stays."""
    options = list(_options(words))
    paths = [path for name, value in options if name == "paths" for path in _LISTED.split(value)]
    pairs = [value.partition("=") for name, value in options if name == "environment"]
    files = [value for name, value in options if name == "env_file"]
    modules = [found[1] for word in words if (found := _MODULE.fullmatch(word)) and "." in found[1] + word]
    served = [name for name in modules if name.endswith(("wsgi", "asgi"))] or [
        found[1] for word in words if ":" in word and (found := _MODULE.fullmatch(word))
    ]
    return replace(
        place,
        module=place.module or (served[-1] if served else ""),
        env_file=place.env_file or (files[-1] if files else ""),
        environment={**{name: value for name, _, value in pairs}, **place.environment},
        paths=place.paths or tuple(path for path in paths if path),
    )


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in _OPTIONS:
            yield _OPTIONS[name], value if equals else next(rest, "")
