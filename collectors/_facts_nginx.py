"""What an Nginx is made of: its version and its effective configuration, as a hash.

The configuration is what ``nginx -T`` prints, where the user of the login is the
one that Nginx runs as: for anybody else it fails. Else it is put together from
the files, ``include`` by ``include``; both ways give the same hash. Which Nginx
of a host is meant says ``config``, or else the logs: the one that writes them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from rampdeck.facts import Fact, known, listed, told, unknown
from rampdeck.nginx import READ, Configuration, Master, build, masters, read, tree
from rampdeck.processes import Process, processes
from rampdeck.remote import Shell

from . import _nginx_told
from ._facts_shell import HIDDEN, script, sections
from ._lines import text_of

MASTERS_MOST = 8
"""Masters of a host whose configurations are looked at to find the one that is meant."""
DUMP = "LC_ALL=C PATH=$PATH:/usr/sbin:/sbin; export LC_ALL PATH; PROGRAM -q -T ARGUMENTS 2>/dev/null"
_HEAD = re.compile(r"^# configuration file (/[^\n]*):$", re.MULTILINE)


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
        version, default, prefix = build("\n".join(found.get("version", ())))
        user = "".join(found.get("user", ())[:1])
        there = list(masters(found.get("masters", ()), default, prefix))
        master, configuration = await self._meant(shell, there, user, default)
        workers = processes(line.partition(" ")[2] for line in found.get("workers", ()))
        facts = self._told(version, said, master, configuration, workers)
        return (*facts, self._state(master, there, hidden=bool(found.get("hidden"))))

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
                return None, await read(shell, config) or f"{config} cannot be read"
        there = [(master, await read(shell, master.config)) for master in masters[:MASTERS_MOST]]
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
        if default and (default_one := await read(shell, default)):
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


def _dumped(text: str) -> dict[str, str]:
    """Return the files that ``nginx -T`` printed, by name."""
    parts = _HEAD.split(text)[1:]
    return dict(zip(parts[::2], (part.removeprefix("\n") for part in parts[1::2]), strict=True))
