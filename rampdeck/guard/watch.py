"""The guard of a run or of a worker: who may be contacted, and what it has refused, told to the session."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rampdeck.config import Config
from rampdeck.config.staging import TargetConfig
from rampdeck.engine import asking
from rampdeck.engine import options as command_line
from rampdeck.engine.reports import GUARD_HOSTS
from rampdeck.errors import UsageError
from rampdeck.guard.emergency import KEY as SHOWN
from rampdeck.guard.guard import Guard
from rampdeck.guard.hosts import host_of, look_up
from rampdeck.guard.refusals import Refusal
from rampdeck.guard.told import KEY, Guarded
from rampdeck.model import EventKind, Instant, Severity
from rampdeck.session import Session
from rampdeck.setup import Setup
from rampdeck.snapshot import GuardView

AGAIN = 1.0
"""Seconds, at least, between two words on the same place."""


@contextmanager
def standing_guard(settings: Config, argv: Sequence[str]) -> Iterator[Guard]:
    """Guard this process for a block, in which the scenario is imported and run, and until its end.

    Until :func:`settle` those hosts may be contacted that are known before the
    scenario is, as far as they can be found.
    """
    host, added = command_line.hosts_of(argv)
    guard = Guard(programs=settings.guard.programs)
    asking.note_names()
    guard.door.asking, guard.door.named = asking.request_under_way, asking.looked_up_by
    target = settings.target.model_copy(update={"host": host or settings.target.host})
    guard.admit(named(target, added))
    with guard.shut(for_good=True):
        yield guard


def named(target: TargetConfig, added: Iterable[str], classes: Iterable[Any] = ()) -> tuple[str, ...]:
    """Return the hosts that users may contact, as they are written.

    ``allowed_hosts``; without any, the target's; without a target, those that
    the user classes name themselves. Those of ``--allow-host`` come on top.
    """
    own = target.allowed_hosts or ((target.host,) if target.host else class_hosts(classes))
    return tuple(dict.fromkeys((*own, *added)))


def class_hosts(classes: Iterable[Any]) -> tuple[str, ...]:
    """Return the hosts that user classes name themselves."""
    hosts = (getattr(each, "host", None) for each in classes)
    return tuple(host for host in hosts if isinstance(host, str) and host)


def survey(guard: Guard, settings: Config, options: Namespace, environment: Any) -> None:
    """Say which hosts users may contact where nobody makes load: who cannot be found is left out."""
    names = named(settings.target, options.allow_host, environment.user_classes)
    guard.admit(names)
    guard.settle(guard.hosts.names, environment.parsed_locustfiles or ())
    options.allow_host = list(names)


def settle(guard: Guard, settings: Config, options: Namespace, environment: Any) -> Callable[[], None]:
    """Say for good which hosts users may contact, now that the scenario is known; workers are told, too.

    Returns what is to be called before a load begins, for its user classes may
    be others by then, and have other hosts where they say who is meant.
    Raises :class:`UsageError` for a host that cannot be found, and for a
    target that users might not contact.
    """
    target, added = settings.target, tuple(options.allow_host)

    def tell() -> None:
        options.allow_host = list(guard.hosts.names)
        setattr(options, GUARD_HOSTS, guard.hosts.packed())

    guard.settle(named(target, added, environment.user_classes), environment.parsed_locustfiles or ())
    if target.host and target.allowed_hosts:
        _check(guard, target.host)
    tell()

    def follow() -> None:
        names = named(target, added, environment.user_classes)
        if set(map(host_of, names)) != set(guard.hosts.names):
            guard.admit(names)
            tell()

    return follow


def _check(guard: Guard, target: str) -> None:
    (host,) = look_up([target]).all
    if not all(network.network_address in guard.hosts for network in host.networks):
        what = f"the target {host.name} is not among those that users may contact"
        raise UsageError(what, f"[target] allowed_hosts are {guard.hosts}", "Add it there, or --allow-host")


class GuardWatch:
    """Tells the session what the guards of a run have refused and cannot see: once, and when it has grown."""

    def __init__(self, setup: Setup, session: Session) -> None:
        self._guard = setup.guard
        self._engine = setup.engine
        self._writer = setup.writer
        self._session = session
        self._told: dict[tuple[str, str, str], tuple[int, float]] = {}
        self._blind: dict[str, None] = {}
        self._stored: Guarded | None = None
        self._shown = False

    @property
    def view(self) -> GuardView:
        """What the screen shows of it."""
        return GuardView(self._guard.refusals.total, self._guard.refusals.last)

    @property
    def guarded(self) -> Guarded:
        """What the session says of it."""
        refusals = self._guard.refusals
        hosts = tuple((host.name, host.addresses) for host in self._guard.hosts.all)
        return Guarded(hosts, refusals.total, refusals.all, tuple(self._blind))

    def look(self, *, last: bool = False) -> None:
        """Tell what is new: the first refusal of a place at once, further ones when they have doubled."""
        refusals = self._guard.refusals
        for worker, told in self._engine.take_refusals():
            refusals.merge(told, worker)
        for sentence in (*self._guard.blind, *self._engine.blind):
            if sentence not in self._blind:
                self._blind[sentence] = None
                self._session.say(EventKind.LOAD, sentence, severity=Severity.WARNING)
        now = Instant.now().mono
        if refusals.total == sum(count for count, _ in self._told.values()):
            return
        for refusal in refusals.all:
            count, at = self._told.get(_key(refusal), (0, 0.0))
            due = refusal.count >= 2 * count and now - at >= AGAIN
            if refusal.count > count and (not count or due or last):
                self._told[_key(refusal)] = refusal.count, now
                fields = {"signal": "refused", "place": refusal.place, "count": str(refusal.count)}
                if not self._shown:
                    fields[SHOWN] = "refused"  # as a message on the screen; the top bar counts further ones
                    self._shown = True
                self._session.say(EventKind.LOAD, refusal.told, fields, Severity.ERROR)

    def store(self) -> None:
        """Keep what the session file says of it up to date; once a second."""
        if (guarded := self.guarded) != self._stored:
            self._stored = guarded
            self._writer.set_meta(KEY, guarded.to_meta())

    def close(self) -> None:
        """Tell and store what has not been yet."""
        self.look(last=True)
        self.store()


def _key(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.worker, refusal.why, refusal.request
