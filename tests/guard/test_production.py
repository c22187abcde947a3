"""What is taken for production, and what confirms it."""

from __future__ import annotations

import pytest

from rampdeck.config import TargetConfig
from rampdeck.errors import UsageError
from rampdeck.guard.production import check_typed, is_called_production, production_of, require_name


@pytest.mark.parametrize(
    "name", ["production", "prod", "live", "Prod", "prod-eu", "prod2", "live_us", "eu-prod"]
)
def test_an_environment_that_is_called_so_is_production(name: str) -> None:
    assert is_called_production(name)


@pytest.mark.parametrize(
    "name",
    ["staging", "test", "pre-production", "preprod", "non-prod", "product-search", "olive", "delivery", ""],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_called_production(name)


@pytest.mark.parametrize(
    ("host", "production"),
    [
        ("https://shop.example.com:8443/x", "shop.example.com"),
        ("https://SHOP.example.com", "shop.EXAMPLE.com."),
        ("https://shop.example.com", "https://shop.example.com/"),
        ("http://10.20.3.4", "10.20.0.0/16"),
        ("http://10.20.3.4:8000", "10.20.3.4"),
        ("http://[fd00::5]:8000", "fd00::/8"),
        ("http://localhost:8000", "127.0.0.0/8"),
        ("http://127.0.0.1:8000", "localhost"),
    ],
)
def test_a_host_on_the_list_is_production_by_name_address_or_network(host: str, production: str) -> None:
    target = TargetConfig(environment="staging", production=("db.example.invalid", production))
    found = production_of(target, [host])
    assert found is not None
    assert production in found.because
    assert found.is_confirmed_by(f" {found.host.upper()} ")
    assert not found.is_confirmed_by("")


def test_a_host_that_is_not_on_the_list_is_not() -> None:
    target = TargetConfig(
        environment="staging", production=("shop.example.com", "10.20.0.0/16", "fd00::/8", "nowhere.invalid")
    )
    for host in (
        "http://10.21.0.1",
        "http://myshop.example.com.example.org",
        "http://127.0.0.1",
        "http://[::1]",
    ):
        assert production_of(target, [host]) is None


def test_of_several_hosts_that_users_may_contact_the_one_that_is_production_has_to_be_typed() -> None:
    target = TargetConfig(environment="staging", production=("10.9.9.9",), allowed_hosts=("10.9.9.0/24",))
    found = production_of(target, ["http://127.0.0.1"])
    assert found is not None
    assert found.host == "10.9.9.0/24"
    several = production_of(
        TargetConfig(environment="staging", production=("10.9.9.9",)), ["http://127.0.0.1", "http://10.9.9.9"]
    )
    assert several is not None
    assert several.host == "10.9.9.9"


def test_a_name_that_is_typed_and_is_another_host_is_refused_also_where_nothing_is_production() -> None:
    with pytest.raises(UsageError, match=r"shop\.example\.com.*the load would go to staging\.example\.com"):
        check_typed("shop.example.com", None, ["https://staging.example.com"])
    check_typed("staging.example.com", None, ["https://staging.example.com"])


def test_production_without_any_host_that_could_be_typed_is_refused() -> None:
    target = TargetConfig(environment="prod")
    with pytest.raises(UsageError, match="Name the target with --host"):
        check_typed("", production_of(target, []), [])


@pytest.mark.parametrize("name", ["", "  "])
def test_an_environment_must_have_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="--environment staging"):
        require_name(TargetConfig(environment=name))
