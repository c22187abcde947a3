"""However an address is written, the door reads it as the system does, and refuses what it cannot read."""

from __future__ import annotations

import _socket
import copy
import errno
import pickle
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from rampdeck.guard.door import Door, GuardRefused
from rampdeck.guard.hosts import look_up
from rampdeck.guard.refusals import MOST, OTHERS, Refusals

FOUR, SIX = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def door() -> Door:
    door = Door(Refusals())
    door.hosts = look_up(["127.0.0.1", "10.0.0.0/24", "2001:db8::1"])
    return door


def through(door: Door, family: int, address: Any) -> bool:
    try:
        door.connect(SimpleNamespace(family=family), address)
    except GuardRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (FOUR, ("127.0.0.1", 80)),
        (FOUR, (b"127.0.0.1", 80)),
        (FOUR, ("10.0.0.77", 80)),
        (FOUR, ("0.0.0.0", 80)),  # this machine, to Linux
        (FOUR, ("", 80)),
        (SIX, ("2001:db8::1", 80)),
        (SIX, ("2001:DB8:0::0001", 80, 0, 0)),
        (SIX, ("2001:db8::1%eth0", 80, 0, 2)),
        (SIX, ("::ffff:127.0.0.1", 80)),
        (SIX, ("::ffff:a00:4d", 80)),
        (SIX, ("::ffff:0.0.0.0", 80)),
        (socket.AF_UNIX, "/run/some.sock"),
        (socket.AF_UNIX, b"\0abstract"),
        (socket.AF_NETLINK, (0, 0)),
    ],
)
def test_a_host_that_is_allowed_is_reached_by_every_way_of_writing_it(
    door: Door, family: int, address: Any
) -> None:
    assert through(door, family, address)
    assert through(door, family, address), "and again, from memory"
    assert door.refusals.total == 0


@pytest.mark.parametrize(
    ("family", "address", "place"),
    [
        (FOUR, ("127.0.0.2", 80), "127.0.0.2:80"),
        (FOUR, (b"127.0.0.2", 80), "127.0.0.2:80"),
        (FOUR, (bytearray(b"127.0.0.2"), 80), "127.0.0.2:80"),
        (FOUR, ("10.0.1.0", 80), "10.0.1.0:80"),
        (FOUR, ("<broadcast>", 80), "255.255.255.255:80"),
        (SIX, ("::1", 80, 0, 0), "[::1]:80"),
        (SIX, ("::", 80), "[::1]:80"),
        (SIX, ("::ffff:127.0.0.2", 80), "127.0.0.2:80"),
        (SIX, ("::127.0.0.1", 80), "[::7f00:1]:80"),  # an IPv6 address of its own
        (SIX, ("64:ff9b::7f00:1", 80), "[64:ff9b::7f00:1]:80"),
        # A name is looked up in C, after the guard was asked.
        (FOUR, ("localhost", 80), "localhost:80"),
        (FOUR, ("127.1", 80), "127.1:80"),
        (FOUR, ("2130706433", 80), "2130706433:80"),
        (FOUR, ("127.0.0.01", 80), "127.0.0.01:80"),
        (SIX, ("127.0.0.1", 80), "127.0.0.1:80"),
        (socket.AF_PACKET, ("eth0", 0), "a socket of AF_PACKET"),
        (socket.AF_VSOCK, (2, 80), "a socket of AF_VSOCK"),
        (9999, ("127.0.0.2", 80), "a socket of family 9999"),
    ],
)
def test_anybody_else_is_refused_and_counted(door: Door, family: int, address: Any, place: str) -> None:
    assert not through(door, family, address)
    assert not through(door, family, address)
    (refusal,) = door.refusals.all
    assert (refusal.place, refusal.count) == (place, 2)
    assert door.refusals.total == 2


@pytest.mark.parametrize("family", [socket.AF_PACKET, socket.AF_VSOCK, 9999])
def test_a_socket_that_needs_no_address_cannot_even_be_had(door: Door, family: int) -> None:
    with pytest.raises(GuardRefused):
        door.make(family)
    for usual in (FOUR, SIX, socket.AF_UNIX, -1):
        door.make(usual)


def test_while_no_host_is_known_nobody_is_let_through_and_it_says_what_to_do() -> None:
    door = Door(Refusals())
    with pytest.raises(GuardRefused, match=r"no host may be contacted\. Name the target \(-H\)"):
        door.connect(SimpleNamespace(family=FOUR), ("127.0.0.1", 80))


def test_other_hosts_take_the_place_of_those_before(door: Door) -> None:
    assert through(door, FOUR, ("127.0.0.1", 80))
    door.hosts = look_up(["10.0.0.1"])
    assert not through(door, FOUR, ("127.0.0.1", 80))


def test_a_client_takes_it_for_a_connection_that_cannot_be_had() -> None:
    error = GuardRefused("127.0.0.2:80 is not in [target] allowed_hosts")
    assert isinstance(error, OSError)
    assert error.errno == errno.EACCES
    text = "refused by Rampdeck's guard: 127.0.0.2:80 is not in [target] allowed_hosts"
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(one) == text


def test_a_flood_of_places_is_counted_to_the_last_one_but_not_told_apart(door: Door) -> None:
    for port in range(MOST + 50):
        assert not through(door, FOUR, ("192.0.2.1", port))
    assert len(door.refusals.all) == MOST + 1
    assert door.refusals.all[-1].place == OTHERS
    assert sum(one.count for one in door.refusals.all) == door.refusals.total == MOST + 50


def test_what_was_taken_is_not_taken_twice(door: Door) -> None:
    assert not through(door, FOUR, ("192.0.2.1", 80))
    assert [one.count for one in door.refusals.take()] == [1]
    assert door.refusals.take() == []
    for _ in range(3):
        assert not through(door, FOUR, ("192.0.2.1", 80))
    cockpit = Refusals()
    cockpit.merge(door.refusals.take(), "local-1")
    assert [(one.worker, one.count) for one in cockpit.all] == [("local-1", 3)]
    assert "worker local-1: refused by the guard: 3 times: 192.0.2.1:80 is not in" in cockpit.all[0].told


def test_no_address_at_all_is_not_remembered_for_the_other_family(door: Door) -> None:
    """To IPv4 it is 127.0.0.1, which is allowed here; to IPv6 it is ::1, which is not."""
    assert through(door, FOUR, ("", 80))
    assert not through(door, SIX, ("", 80))


def test_a_raw_socket_cannot_be_had_for_its_packets_say_themselves_where_they_go(door: Door) -> None:
    for family in (FOUR, SIX, -1):
        with pytest.raises(GuardRefused, match="go where their own header says"):
            door.make(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, -1):
        door.make(FOUR, kind)


def test_a_class_cannot_say_that_its_sockets_are_of_another_family(door: Door) -> None:
    class Disguised(_socket.socket):
        family = socket.AF_UNIX

    disguised = Disguised(FOUR)
    with pytest.raises(GuardRefused):
        door.connect(disguised, ("127.0.0.2", 80))
    disguised.close()


@pytest.mark.parametrize(("written", "family"), [("0.0.0.0", FOUR), ("http://[::]:8000", SIX)])
def test_a_target_that_is_no_address_is_this_machine(written: str, family: int) -> None:
    door = Door(Refusals())
    door.hosts = look_up([written])
    assert through(door, family, ("0.0.0.0" if family == FOUR else "::", 80))
    assert through(door, family, ("127.0.0.1" if family == FOUR else "::1", 80))
    assert not through(door, FOUR, ("127.0.0.2", 80))
