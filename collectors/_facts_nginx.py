"""What an Nginx is made of: its version and its effective configuration, as a hash.

The configuration is what ``nginx -T`` prints, where the user of the login is the
one that Nginx runs as: for anybody else it fails. Else it is put together from
the files, ``include`` by ``include``; both ways give the same hash. Which Nginx
of a host is meant says ``config``, or else the logs: the one that writes them.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rampdeck.errors import SourceError
from rampdeck.facts import Fact, known, listed, told, unknown
from rampdeck.processes import Process, processes
from rampdeck.remote import Shell

from . import _nginx_told
from ._facts_shell import HIDDEN, script, sections
from ._lines import text_of
from ._logfile import last_line
from ._nginx_config import tree

ROUNDS = 8
"""How deep includes are followed; Nginx itself sets no limit, people stop at three."""
FILES_MOST = 500
"""Files of a configuration that are read."""
MASTERS_MOST = 8
"""Masters of a host whose configurations are looked at to find the one that is meant."""
TITLE = "nginx: master process "
DUMP = "LC_ALL=C PATH=$PATH:/usr/sbin:/sbin; export LC_ALL PATH; PROGRAM -q -T ARGUMENTS 2>/dev/null"
READ = """LC_ALL=C; export LC_ALL
for file in FILES; do
    if [ -d "$file" ]; then continue; fi
    if [ -r "$file" ]; then
        printf '\\0# configuration file %s:\\n' "$file"
        cat -- "$file"
    elif [ -e "$file" ]; then
        printf '\\0# unreadable file %s:\\n' "$file"
    fi
done"""
_HEAD = re.compile(r"^# configuration file (/[^\n]*):$", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_INCLUDE = re.compile(r"""(?:^|(?<=[\s;{}]))include\s+(?:"([^"\n]+)"|'([^'\n]+)'|([^;\s"']+))\s*;""")
_GLOB = re.compile(r"([*?\[\]])")
_WITH_VALUE = {"-c", "-p", "-g", "-e", "-s"}


@dataclass(frozen=True)
class Master:
    """A master process of Nginx: who runs it, and what it was started with."""

    process: Process
    user: str
    program: str
    config: str
    prefix: str
    error_log: str

    @property
    def arguments(self) -> str:
        """The options that lead another Nginx to the same configuration."""
        given = (("-p", self.prefix), ("-e", self.error_log), ("-c", self.config))
        return " ".join(f"{option} {shlex.quote(value)}" for option, value in given if value)


@dataclass(frozen=True)
class Configuration:
    """A configuration, file by file, how it was had, and what could not be read."""

    files: Mapping[str, str]
    how: str
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, without comments."""
        return "\n".join(_COMMENT.sub("", content) for content in self.files.values())

    @property
    def digest(self) -> str:
        """The hash of all files with their names, in the order of the names."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            digest.update(f"{name}\n{self.files[name].rstrip()}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


class NginxFacts:
    """Asks for the facts of one Nginx."""

    def __init__(self, config: str, access_log: str, error_log: str) -> None:
        self._config = config
        self._access_log = access_log
        self._error_log = error_log
        self._logs = [log for log in (access_log, error_log) if log]
        self._look = script("facts_processes", "facts_nginx")

    def asks(self) -> tuple[str, ...]:
        """Return every command that it may send."""
        return (self._look, DUMP, READ)

    async def facts(self, shell: Shell) -> tuple[Fact, ...]:
        """Ask once; see :class:`rampdeck.collector.Teller`."""
        found, said = await sections(shell, self._look)
        version, default, prefix = _build("\n".join(found.get("version", ())))
        user = "".join(found.get("user", ())[:1])
        masters = list(_masters(found.get("masters", ()), default, prefix))
        master, configuration = await self._meant(shell, masters, user, default)
        workers = processes(line.partition(" ")[2] for line in found.get("workers", ()))
        facts = self._told(version, said, master, configuration, workers)
        return (*facts, self._state(master, masters, hidden=bool(found.get("hidden"))))

    def _told(
        self,
        version: str,
        said: str,
        master: Master | None,
        configuration: Configuration | str,
        workers: Sequence[Process],
    ) -> Iterator[Fact]:
        why = said or "there is no nginx in the PATH"
        yield told("nginx.version", "Nginx version", version, "nginx -V", why)
        if isinstance(configuration, str):
            yield unknown("nginx.config_sha256", "configuration, sha256", configuration)
        else:
            yield from _of_configuration(configuration)
            access, error = self._access_log, self._error_log
            yield from _nginx_told.told(tree(configuration.files), configuration.how, access, error)
        if master is not None:
            pids = sorted(one.pid for one in workers if one.parent == master.process.pid)
            source = "parents and children in /proc"
            yield known("nginx.master_pid", "master's process id", master.process.pid, source, moves=True)
            name, title = "nginx.worker_pids", "workers' process ids"
            yield told(name, title, listed(map(str, pids)), source, "none is to be seen", moves=True)

    def _state(self, master: Master | None, masters: Sequence[Master], *, hidden: bool) -> Fact:
        """Tell whether it runs, which can be known only where all processes can be seen."""
        name, title, where = "nginx.state", "state", "processes in /proc"
        if master is not None:
            return known(name, title, "running", where)
        if hidden:
            return unknown(name, title, HIDDEN, where)
        # Others run, but not this one.
        if not masters or (self._config and all(one.config for one in masters)):
            return known(name, title, "stopped", where)
        return unknown(name, title, "nothing says which one of those that run is meant", where)

    async def _meant(
        self, shell: Shell, masters: Sequence[Master], user: str, default: str
    ) -> tuple[Master | None, Configuration | str]:
        """Return the master that is meant and its configuration, or why there is none."""
        config = self._config
        if config:
            masters = [master for master in masters if master.config == config]
            if len(masters) != 1:
                return None, await _read(shell, config) or f"{config} cannot be read"
        there = [(master, await _read(shell, master.config)) for master in masters[:MASTERS_MOST]]
        meant = [(one, found) for one, found in there if found and self._writes(found, one)]
        if len(there) == 1:
            meant = [(one, found) for one, found in there if found]
        if len(meant) == 1:
            master, found = meant[0]
            return master, await _dump(shell, master, user) or found
        if masters:
            what = ", ".join(master.config for master in masters)
            why = "cannot be read" if len(masters) == 1 else "do not tell which one writes these logs"
            return None, f"{what} {why}. Name the configuration with config"
        if default and (default_one := await _read(shell, default)):
            return None, default_one
        return None, "no master process of Nginx is to be seen. Name its configuration with config"

    def _writes(self, configuration: Configuration, master: Master) -> bool:
        """Return whether all logs that are read are named there."""
        return all(log in configuration.text or log == master.error_log for log in self._logs)


def _of_configuration(configuration: Configuration) -> Iterator[Fact]:
    how, left = configuration.how, configuration.left_out
    without = f", without {listed(left)}: not to be read" if left else ""
    yield known("nginx.config_sha256", "configuration, sha256", configuration.digest, how + without)
    yield known("nginx.config_files", "files of the configuration", len(configuration.files), how)


async def _dump(shell: Shell, master: Master, user: str) -> Configuration | None:
    """Return what ``nginx -T`` prints; ``None`` where it is not the user's to ask, or fails."""
    if user != master.user:
        return None
    command = DUMP.replace("PROGRAM", shlex.quote(master.program)).replace("ARGUMENTS", master.arguments)
    done = await shell.run(command)
    files = _dumped(text_of(done.stdout)) if done.status == 0 else {}
    return Configuration(files, f"nginx -T, from {master.config} on") if files else None


async def _read(shell: Shell, config: str) -> Configuration | None:
    """Put a configuration together from its files; ``None`` where not even the first one can be read."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    folder = config.rpartition("/")[0]
    wanted, asked = [config], {config}
    for _ in range(ROUNDS):
        if not wanted:
            break
        done = await shell.run(READ.replace("FILES", " ".join(map(_shell_glob, wanted))))
        if done.status:
            raise SourceError("the files cannot be read", last_line(done.stderr))
        fresh = []
        for part in text_of(done.stdout).split("\0")[1:]:
            head, _, content = part.partition("\n")
            name = head.partition(" file ")[2].removesuffix(":")
            if head.startswith("# unreadable") or len(files) == FILES_MOST:
                left_out.append(name)
            elif name not in files:
                files[name] = content
                found = _INCLUDE.findall(_COMMENT.sub("", content))
                fresh += [next(filter(None, one)) for one in found]
        wanted = [name if name.startswith("/") else f"{folder}/{name}" for name in dict.fromkeys(fresh)]
        wanted = [name for name in wanted if name not in asked]
        asked.update(wanted)
    left_out += wanted
    return Configuration(files, f"{len(files)} files, from {config} on", tuple(left_out)) if files else None


def _shell_glob(path: str) -> str:
    """Return a path for a shell in which nothing but ``*``, ``?`` and brackets has a meaning."""
    return "".join(part if _GLOB.fullmatch(part) else shlex.quote(part) for part in _GLOB.split(path) if part)


def _dumped(text: str) -> dict[str, str]:
    """Return the files that ``nginx -T`` printed, by name."""
    parts = _HEAD.split(text)[1:]
    return dict(zip(parts[::2], (part.removeprefix("\n") for part in parts[1::2]), strict=True))


def _build(text: str) -> tuple[str, str, str]:
    """Return version, default configuration and prefix from ``nginx -V``."""
    version = re.search(r"nginx version: (\S+(?: \([^)]*\))?)", text)
    path = re.search(r"--conf-path=(\S+)", text)
    prefix = re.search(r"--prefix=(\S+)", text)
    return version[1] if version else "", path[1] if path else "", prefix[1] if prefix else ""


def _masters(lines: Sequence[str], default: str, prefix: str) -> Iterator[Master]:
    """Return the masters of lines ``USER PID PARENT TITLE``: the title has the command line in it."""
    for line in lines:
        user, _, rest = line.partition(" ")
        process = Process.of(rest)
        if process is None or not process.arguments[0].startswith(TITLE):
            continue
        words = process.arguments[0].removeprefix(TITLE).split()
        pairs = zip(words, [*words[1:], ""], strict=True)
        options = {word: value for word, value in pairs if word in _WITH_VALUE}
        options |= {word[:2]: word[2:] for word in words if word[:2] in _WITH_VALUE and len(word) > 2}
        own = options.get("-p", "")
        config = options.get("-c", default)
        if config and not config.startswith("/"):
            config = f"{(own or prefix).rstrip('/')}/{config}"
        program = words[0] if words and not words[0].startswith("-") else "nginx"
        yield Master(process, user, program, config, own, options.get("-e", ""))
