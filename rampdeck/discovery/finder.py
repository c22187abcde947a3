"""From hosts to tables: look at each, follow the target to the application, ask that for what it uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rampdeck.config import Config, DjangoConfig
from rampdeck.discovery import knock, stores
from rampdeck.discovery.draft import Draft, Entry, Table, shown
from rampdeck.discovery.proxies import proxy
from rampdeck.discovery.seen import PATIENCE, Seen, look, read
from rampdeck.discovery.servers import KINDS, Application, application
from rampdeck.discovery.ways import Target
from rampdeck.errors import RampdeckError, SourceError
from rampdeck.nginx import READ
from rampdeck.preflight.asks import Asks
from rampdeck.preflight.django import Place, Wanted, ask, asking, find
from rampdeck.preflight.django.answer import Answer
from rampdeck.remote import Remote
from rampdeck.remote.hosts import Hosts

Tell = Callable[[str], None]
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1", "0.0.0.0", "testserver")
LOGIN_URL = "/accounts/login/"
"""Django's own, which stands in the settings whether there is such a page or not."""


@dataclass
class Found:
    """What came of it: ``refused`` hosts could not be used, ``candidates`` may be the target."""

    draft: Draft
    refused: dict[str, RampdeckError]
    candidates: tuple[str, ...] = ()


async def discover(target: Target, names: Sequence[str], hosts: Hosts, tell: Tell) -> Found:
    """Look at the hosts, one after the other, and return what is there.

    Raises the first host's error where none of them can be used.
    """
    found = Found(Draft(), {})
    finder = _Finder(target, found, tell)
    for name in names:
        try:
            await finder.host(hosts.remote(name))
        except RampdeckError as error:
            found.refused[name] = error
            found.draft.miss(f"anything on {name}", f"{error.what}: {error.why}", error.fix)
            tell(f"{name}: {shown(f'{error.what}: {error.why}')}")
    if len(found.refused) == len(names):
        raise next(iter(found.refused.values()))
    await finder.end()
    return found


class _Finder:
    """Goes from host to host; the first application that is found is the one that is asked."""

    def __init__(self, target: Target, found: Found, tell: Tell) -> None:
        self._target = target
        self._found = found
        self._draft = found.draft
        self._tell = tell
        self._asked: Answer | None = None
        self._servers = False
        self._rest: list[tuple[Remote, Seen]] = []

    async def host(self, remote: Remote) -> None:
        """Look at one host, and put its tables into the draft."""
        draft, name = self._draft, remote.host
        done = await remote.run(look(), timeout=PATIENCE)
        seen = read(done.stdout.decode("utf-8", "replace"))
        if not seen.user:
            said = shown(done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
            raise SourceError(
                f"{name} cannot be looked at", said or f"status {done.status}", "It needs a POSIX shell"
            )
        self._tell(f"{name}: in as {shown(seen.user)}")
        if seen.hidden:
            self._tell(f"{name}: the processes of others are hidden there (hidepid)")
        front, own = Draft(missing=draft.missing), Draft(missing=draft.missing)
        ways = await proxy(remote, name, seen, self._target, front)
        meant = None
        if seen.hidden or seen.of(*KINDS) or any("unicorn" in unit for unit in seen.units):
            meant = application(name, seen, ways, self._target, own)
        self._servers = self._servers or meant is not None or bool(seen.of(*KINDS))
        before = len(draft.tables)
        draft.add(_host_table(name, meant, seen), *own.tables, *front.tables)
        if meant is not None:
            if self._asked is None:
                await self._ask(remote, meant, seen)
        else:
            self._rest.append((remote, seen))
        for table in draft.tables[before:]:
            if table.path[0] != "preflight":
                self._tell(f"{name}: {_brief(table)}")

    async def end(self) -> None:
        """Put into the draft what is of no single host, and servers of data that no settings led to."""
        draft = self._draft
        known = {str(table.data().get("kind")) for table in draft.tables}
        for remote, seen in self._rest:
            await self._stores(
                remote, [one for one in stores.of_processes(seen) if one.kind not in known], seen
            )
        if not self._servers:
            draft.miss(
                "the settings of Django",
                "no Gunicorn and no Uvicorn was found",
                'write [django] host = "app-1", folder = "/srv/app"',
            )

    async def _ask(self, remote: Remote, meant: Application, seen: Seen) -> None:
        """Ask the application for its settings; without them, what runs on its host is all there is."""
        draft = self._draft
        try:
            place = await find(remote, DjangoConfig(host=remote.host), meant.hint(seen))
            answer = await ask(remote, place, Wanted())
        except RampdeckError as error:
            draft.miss("the settings of Django", f"{error.what}: {error.why}", error.fix)
            await self._stores(remote, list(stores.of_processes(seen)), seen)
            return
        self._django(remote.host, place)
        if not answer.loaded:
            fix = "write [django] settings, env_file or environment"
            draft.miss("the settings of Django", answer.problem("settings"), fix)
            await self._stores(remote, list(stores.of_processes(seen)), seen)
            return
        self._asked = answer
        if answer.module and not place.settings:
            self._complete("django", Entry("settings", answer.module, "the application itself says so"))
        found, other = stores.of_settings(answer)
        for sentence in other:
            self._tell(f"{remote.host}: {shown(sentence)}")
        for one in list(found):
            if place.prefix and (there := stores.outside(one, seen)) != one:
                found.remove(one)
                if there is not None:
                    found.append(there)
                else:
                    what = f"the way from {remote.host} to {one.address or one.setting}"
                    draft.miss(what, "it is a name inside of a container", "write its address and port")
        await self._stores(remote, found, seen)
        self._preflight(answer)
        self._found.candidates = _candidates(answer)

    async def _stores(self, remote: Remote, found: Sequence[stores.Store], seen: Seen) -> None:
        for kind in ("postgres", "redis"):
            there = [one for one in found if one.kind == kind]
            local = [one for one in there if one.setting.startswith("process")]
            if len(local) > 1:
                draft = self._draft
                draft.miss(
                    f"which {kind} of {remote.host} is meant",
                    f"there are {len(local)}: {', '.join(one.setting for one in local)}",
                    "write its [[collectors]] by hand",
                )
                continue
            for one in there:
                await stores.table(remote, one, seen, self._draft)

    def _complete(self, name: str, entry: Entry) -> None:
        """Put one more entry into a table of the draft."""
        tables = self._draft.tables
        number = next(place for place, table in enumerate(tables) if table.path == (name,))
        tables[number] = replace(tables[number], entries=(*tables[number].entries, entry))

    def _django(self, host: str, place: Place) -> None:
        how = ", ".join(place.how)
        entries = [Entry("host", host)]
        if place.folder:
            entries.append(Entry("folder", place.folder, how))
        if place.python:
            entries.append(Entry("python", place.python, how))
        if place.settings:
            entries.append(Entry("settings", place.settings, how))
        if place.env_file:
            entries.append(Entry("env_file", place.env_file, how))
        if place.prefix:
            words = place.prefix.split()
            key = "compose_service" if "compose" in words else "container"
            entries.append(Entry(key, words[-1].strip("'"), how))
        self._draft.add(Table(("django",), tuple(entries)))
        if place.folder and not place.prefix:
            folder = Entry("folder", place.folder, "its commit, or its file REVISION, is what runs")
            self._draft.add(Table(("release",), (folder, Entry("host", host))))

    def _preflight(self, answer: Answer) -> None:
        """Put the login's path into the draft, where it is one of the application's own."""
        login = str(answer.setting("LOGIN_URL", "") or "")
        if login.startswith("/") and login != LOGIN_URL:
            self._draft.add(Table(("preflight", "login"), (Entry("path", login, "LOGIN_URL"),)))
        elif login and not login.startswith("/"):
            why = f"LOGIN_URL is {shown(login, 80)}, the name of a view or elsewhere"
            self._draft.miss("the path of the login form", why, "write [preflight.login] path")


def _host_table(host: str, meant: Application | None, seen: Seen) -> Table:
    entries = [Entry("kind", "host"), Entry("host", host)]
    if meant is not None and meant.server is not None:
        unit = seen.units.get(meant.server.unit)
        if unit is not None and unit.pid == meant.server.process.pid:
            entries.append(Entry("units", [unit.name], "its limits, and what it takes"))
        if container := seen.containers.get(meant.server.container):
            entries.append(Entry("containers", [container.name], "docker ps"))
    return Table(("collectors",), tuple(entries), array=True)


def _brief(table: Table) -> str:
    """Return a table in one line: what it is, and its values."""
    values = {entry.key: entry.value for entry in table.entries if not entry.open}
    kind = str(values.pop("kind", ".".join(table.path)))
    values.pop("host", None)
    said = ", ".join(f"{key} {value}" for key, value in values.items())
    if table.open:
        return f"{kind}: it is there, but not all that is needed"
    return shown(f"{kind}: {said}" if said else kind)


def _candidates(answer: Answer) -> tuple[str, ...]:
    """Return addresses that the target may have, of ALLOWED_HOSTS."""
    tls = answer.setting("SECURE_SSL_REDIRECT") or answer.setting("SESSION_COOKIE_SECURE")
    scheme = "https" if tls else "http"
    names = [name for name in answer.listed("ALLOWED_HOSTS") if "*" not in name and not name.startswith(".")]
    return tuple(f"{scheme}://{name}" for name in names if name not in LOCAL_NAMES)


def asks(settings: Config) -> tuple[Asks, ...]:
    """Return everything that may be sent to a host to find what is there."""
    shown_place = asking.asks(Place("", "FOLDER", "PYTHON"))
    commands = (look(), READ, *shown_place, *knock.ASKS)
    return tuple(
        Asks(name, "rampdeck init, and run --on: what is there", commands) for name in settings.hosts
    )
