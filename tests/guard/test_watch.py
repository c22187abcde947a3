"""Who is meant, by configuration, command line and scenario; and how the session is told of refusals."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest

from rampdeck.config import Config
from rampdeck.engine.reports import GUARD_HOSTS
from rampdeck.errors import UsageError
from rampdeck.guard.guard import Guard
from rampdeck.guard.refusals import Refusal
from rampdeck.guard.told import KEY, Guarded
from rampdeck.guard.watch import GuardWatch, settle
from rampdeck.model import Event, Severity
from rampdeck.session import Item, Session


def environment(*hosts: str | None) -> Any:
    classes = [SimpleNamespace(host=host) for host in hosts]
    return SimpleNamespace(user_classes=classes, parsed_locustfiles=[])


def settled(target: dict[str, Any], *hosts: str | None, allow: tuple[str, ...] = ()) -> tuple[str, ...]:
    guard, options = Guard(), Namespace(allow_host=list(allow))
    settle(guard, Config.model_validate({"target": target}), options, environment(*hosts))
    assert options.allow_host == list(guard.hosts.names)
    assert getattr(options, GUARD_HOSTS) == guard.hosts.packed(), "what workers are told"
    return guard.hosts.names


def test_it_is_the_target_and_what_is_allowed_beside_it() -> None:
    assert settled({"host": "http://127.0.0.1:8000/x"}) == ("127.0.0.1",)
    assert settled({"host": "http://127.0.0.1"}, "http://127.0.0.9") == ("127.0.0.1",), "Locust overrides it"
    assert settled({"host": "http://127.0.0.1"}, allow=("127.0.0.3",)) == ("127.0.0.1", "127.0.0.3")
    allowed = {"host": "http://127.0.0.1", "allowed_hosts": ["127.0.0.0/30"]}
    assert settled(allowed) == ("127.0.0.0/30",)


def test_without_a_target_it_is_whom_the_user_classes_name() -> None:
    assert settled({}, "http://127.0.0.1:8000", None, "http://127.0.0.2") == ("127.0.0.1", "127.0.0.2")
    assert settled({"allowed_hosts": ["127.0.0.7"]}, "http://127.0.0.1") == ("127.0.0.7",)
    assert settled({}) == ()


def test_classes_that_are_chosen_later_bring_their_own_hosts() -> None:
    guard, options, there = Guard(), Namespace(allow_host=["127.0.0.9"]), environment("http://127.0.0.1")
    follow = settle(guard, Config(), options, there)
    there.user_classes = [SimpleNamespace(host="http://127.0.0.2")]
    follow()
    assert guard.hosts.names == ("127.0.0.2", "127.0.0.9")
    assert getattr(options, GUARD_HOSTS) == [["127.0.0.2", ["127.0.0.2"]], ["127.0.0.9", ["127.0.0.9"]]]


def test_a_target_that_is_not_allowed_is_told_before_the_load() -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1 is not among") as refused:
        settled({"host": "http://127.0.0.1", "allowed_hosts": ["127.0.0.2"]})
    assert "--allow-host" in refused.value.fix
    with pytest.raises(UsageError, match=r"nowhere\.invalid"):
        settled({"host": "http://nowhere.invalid"})


class Watched:
    """A watch over a guard whose workers, file and session are here."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.guard.admit(["127.0.0.1"])
        self.items: list[Item] = []
        self.meta: dict[str, Any] = {}
        self.refused: list[tuple[str, list[Refusal]]] = []
        self.engine = SimpleNamespace(blind=(), take_refusals=self._take)
        writer = SimpleNamespace(set_meta=self.meta.__setitem__)
        setup: Any = SimpleNamespace(guard=self.guard, engine=self.engine, writer=writer)
        self.watch = GuardWatch(setup, Session({}, self.items.append))

    def _take(self) -> list[tuple[str, list[Refusal]]]:
        taken, self.refused = self.refused, []
        return taken

    def refuse(self, times: int, place: str = "192.0.2.1:80") -> None:
        for _ in range(times):
            self.guard.refusals.add(place, f"{place} is not in [target] allowed_hosts", "GET /pay")

    @property
    def told(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Event)]


SENTENCE = "192.0.2.1:80 is not in [target] allowed_hosts"


def test_the_first_refusal_is_told_at_once_and_a_flood_of_them_is_not() -> None:
    watched = Watched()
    watched.watch.look()
    assert watched.told == []
    watched.refuse(1)
    watched.watch.look()
    assert watched.told == [f"refused by the guard for “GET /pay”: {SENTENCE}"]
    (event,) = watched.items
    assert isinstance(event, Event)
    assert (event.severity, event.fields["guard"]) == (Severity.ERROR, "refused")
    for _ in range(50):
        watched.refuse(100)
        watched.watch.look()
    assert len(watched.told) <= 3
    assert watched.watch.view.refused == 5001
    watched.watch.close()
    assert watched.told[-1] == f"refused by the guard for “GET /pay”: 5001 times: {SENTENCE}"
    count = len(watched.told)
    watched.watch.close()
    assert len(watched.told) == count, "once"


def test_the_session_file_knows_all_of_it_of_workers_too() -> None:
    watched = Watched()
    watched.refuse(2)
    watched.refused = [("local-1", [Refusal("192.0.2.9:80", "", "why", 7, 1.0, 2.0)])]
    watched.engine.blind = ("worker local-2 is plain locust",)
    watched.watch.look()
    watched.watch.store()
    told = Guarded.of_meta(watched.meta[KEY])
    assert told == watched.watch.guarded
    assert told.hosts == (("127.0.0.1", ("127.0.0.1",)),)
    assert told.refused == 9
    assert [(one.worker, one.place, one.count) for one in told.refusals] == [
        ("", "192.0.2.1:80", 2),
        ("local-1", "192.0.2.9:80", 7),
    ]
    assert told.blind == ("worker local-2 is plain locust",)
    assert "worker local-2 is plain locust" in watched.told
    watched.meta.clear()
    watched.watch.store()
    assert watched.meta == {}, "only what has changed"
