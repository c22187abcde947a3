"""What may be written as a host that users may contact, and which addresses that means."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from rampdeck.errors import UsageError
from rampdeck.guard.hosts import Hosts, host_of, look_up


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("shop.example.com", "shop.example.com"),
        (" Shop.Example.com. ", "shop.example.com"),
        ("https://kim:secret@shop.example.com:8443/path?x=1", "shop.example.com"),
        ("http://[2001:db8::1]:8000/", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.0/24", "10.0.0.0/24"),
    ],
)
def test_a_host_is_a_name_an_address_a_network_or_that_of_a_url(written: str, host: str) -> None:
    assert host_of(written) == host


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("shop.example.com:8000", "with all its ports"),
        ("*.example.com", "looked up once"),
        ("0.0.0.0/0", "no guard"),
        ("::/0", "no guard"),
        ("::ffff:0.0.0.0/96", "no guard"),
        ("", ""),
        ("a b", ""),
        ("http://", ""),
        ("shop.example.com/24", ""),
    ],
)
def test_anything_else_is_refused_with_the_reason(written: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        host_of(written)
    assert why in refused.value.why
    assert "[target] allowed_hosts" in refused.value.fix


def test_a_network_means_its_addresses_and_no_others() -> None:
    hosts = look_up(["10.0.0.7/24", "::ffff:10.1.0.0/112", "2001:db8::/64", "fe80::1%eth0"])
    for inside in ("10.0.0.1", "10.0.0.255", "10.1.255.255", "2001:db8::9", "fe80::1"):
        assert ip_address(inside) in hosts
    for outside in ("10.0.1.1", "10.2.0.0", "2001:db8:1::1", "fe80::2"):
        assert ip_address(outside) not in hosts


def test_a_name_is_looked_up_once_and_keeps_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    places = iter(["10.0.0.5", "10.0.0.9"])

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(places), 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    first = look_up(["shop.example.com"])
    again = look_up(["SHOP.example.com", "https://shop.example.com", "10.0.0.1"], known=first)
    assert [host.addresses for host in again.all] == [("10.0.0.5",), ("10.0.0.1",)]
    assert str(again) == "shop.example.com (10.0.0.5), 10.0.0.1"
    assert Hosts.unpacked(again.packed()) == again


def test_a_name_that_nobody_knows_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(UsageError, match=r"nowhere\.example") as refused:
        look_up(["nowhere.example"])
    assert "Name or service not known" in refused.value.why
    missing: list[UsageError] = []
    assert look_up(["nowhere.example", "a:b:c", "10.0.0.1"], missing=missing).names == ("10.0.0.1",)
    assert len(missing) == 2
