"""The application's server on a host: which one is meant, and where it logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rampdeck.discovery.draft import Draft, Entry, Missing, Table
from rampdeck.discovery.logs import log_of
from rampdeck.discovery.seen import Seen, Server, Unit
from rampdeck.discovery.ways import Target, bound, is_at, meet
from rampdeck.preflight.django import Hint

KINDS = ("gunicorn", "uvicorn")
_LOGS = ("--error-logfile", "--log-file")


@dataclass(frozen=True, slots=True)
class Application:
    """A Python server: its kind, and its process or at least its unit."""

    kind: str
    server: Server | None = None
    unit: str = ""

    def hint(self, seen: Seen) -> Hint:
        """Return what helps to find its settings."""
        if self.server is None:
            return Hint(unit=self.unit)
        if container := seen.containers.get(self.server.container):
            return Hint(container=container.name)
        return Hint(pid=self.server.process.pid)


def application(
    host: str, seen: Seen, ways: Iterable[str], target: Target, draft: Draft
) -> Application | None:
    """Return the server that the proxy leads to, or the only one; puts its table into the draft."""
    every = [Application(kind, one) for kind in KINDS for one in seen.of(kind)]
    meant = _meant(seen, every, set(ways), target)
    if meant is None and every:
        pids = ", ".join(str(one.server.process.pid) for one in every if one.server)
        draft.miss(
            f"which application of {host} is meant",
            f"there are {len(every)} servers: processes {pids}",
            "give --target, so that the way through the proxy shows it; or write [django] folder",
        )
    if meant is None and not every:
        meant = _of_units(host, seen, draft)
    if meant is not None:
        _table(host, seen, meant, draft)
    return meant


def _meant(seen: Seen, every: list[Application], ways: set[str], target: Target) -> Application | None:
    if len(every) == 1:
        return every[0]
    listening = [(one, _addresses(seen, one)) for one in every]
    led = [one for one, addresses in listening if meet(addresses, ways)]
    asked = [one for one, addresses in listening if is_at(addresses, target.port)]
    return next((those[0] for those in (led, asked) if len(those) == 1), None)


def _addresses(seen: Seen, one: Application) -> set[str]:
    assert one.server is not None
    return {*seen.addresses(one.server), *bound(one.server.process)}


def _of_units(host: str, seen: Seen, draft: Draft) -> Application | None:
    """Return the server that systemd knows of, where its processes are hidden from us."""
    units = [
        Application(kind, unit=unit.name)
        for kind in KINDS
        for unit in seen.units.values()
        if kind in unit.name and unit.active
    ]
    if len(units) == 1:
        return units[0]
    why = "no Gunicorn and no Uvicorn is to be seen"
    if seen.hidden:
        why = "the processes of other users are hidden there (hidepid)"
    if units:
        why = f"there are {len(units)} units: {', '.join(one.unit for one in units)}"
    draft.miss(f"the application's server on {host}", why, 'write it: kind = "gunicorn", unit or file')
    return None


def _table(host: str, seen: Seen, one: Application, draft: Draft) -> None:
    place: tuple[Entry, ...] | Missing
    if one.server is not None:
        place = log_of(seen, one.server, _LOGS)
    else:
        place = (Entry("unit", one.unit, _journal(seen, seen.units[one.unit])),)
    if isinstance(place, Missing):
        draft.miss(f"the log of {one.kind.title()} on {host}", place.why, place.fix)
        place = (
            Entry("unit", f"{one.kind}.service", "not found; or file, compose_service, container", open=True),
        )
    elif (unit := seen.units.get(str(place[0].value))) and place[0].key == "unit" and not unit.readable:
        draft.miss(
            f"lines in the journal of {unit.name} on {host}",
            f"it shows {seen.user or 'our user'} none",
            f"sudo usermod -aG systemd-journal {seen.user or 'USER'}, then log in anew",
        )
    entries = (Entry("kind", one.kind), Entry("host", host), *place)
    draft.add(Table(("collectors",), entries, array=True, open=any(entry.open for entry in place)))


def _journal(seen: Seen, unit: Unit) -> str:
    return "systemd has it" if unit.readable else f"its journal shows {seen.user or 'us'} nothing"
