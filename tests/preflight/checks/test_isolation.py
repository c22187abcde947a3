"""Nothing of staging may lead to production, by whatever name, and third parties are stubbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks import isolation
from rampdeck.preflight.production import Production

from ..django.projects import Project
from ..stacks import stack
from .answers import answered, looked, told

PRODUCTION = {"target": {"host": "https://s.example.com", "production": ["db.example.com", "10.1.0.0/16"]}}


def host(setting: str, name: str, role: str = "database") -> dict[str, str]:
    return {"setting": setting, "host": name, "port": "5432", "role": role}


@pytest.mark.parametrize(
    ("name", "addresses", "listed"),
    [
        ("db.example.com", {}, "db.example.com"),
        ("DB.example.com.", {}, "db.example.com"),
        ("x.db.example.com", {}, ""),
        ("a.prod.example.com", {}, ".prod.example.com"),
        ("10.1.2.3", {}, "10.1.0.0/16"),
        ("10.2.2.3", {}, ""),
        ("alias", {"alias": ["10.1.9.9"]}, "10.1.0.0/16 (alias is 10.1.9.9 there)"),
        (
            "alias",
            {"alias": ["192.0.2.7"], "db.example.com": ["192.0.2.7"]},
            "db.example.com (alias is 192.0.2.7 there)",
        ),
        ("localhost", {"localhost": ["127.0.0.1"], "db.example.com": ["127.0.0.1"]}, ""),
        ("fd00::7", {}, "fd00::/8"),
    ],
)
def test_production_is_known_by_name_address_and_network(
    name: str, addresses: dict[str, list[str]], listed: str
) -> None:
    production = Production(["db.example.com", ".prod.example.com", "10.1.0.0/16", "fd00::/8"])
    assert production.match(name, addresses) == listed


async def test_a_setting_that_leads_to_production_is_named() -> None:
    hosts = [
        host("DATABASES.default.HOST", "db.example.com"),
        host("CACHES.default.LOCATION", "redis", "cache"),
    ]
    answer = told(hosts=hosts, addresses={"redis": ["10.1.0.9"]})
    found = await looked(answered(answer, PRODUCTION), isolation.isolation)
    assert found.state is State.FAILED
    assert "DATABASES.default.HOST (database) is db.example.com, on the list as db.example.com" in found.found
    assert (
        "CACHES.default.LOCATION (cache) is redis, on the list as 10.1.0.0/16 (redis is 10.1.0.9"
        in found.found
    )


async def test_a_pool_before_productions_database_hides_nothing() -> None:
    databases = {"default": {"reached": True, "server": {"address": "10.1.0.5"}}}
    answer = told(hosts=[host("DATABASES.default.HOST", "127.0.0.1")], databases=databases)
    found = await looked(answered(answer, PRODUCTION), isolation.isolation)
    assert found.state is State.FAILED
    assert "the server behind DATABASES.default (database) is 10.1.0.5" in found.found


async def test_what_is_apart_is_told_with_what_could_not_be_resolved() -> None:
    answer = told(hosts=[host("DATABASES.default.HOST", "db-staging")])
    found = await looked(answered(answer, PRODUCTION), isolation.isolation)
    assert found.state is State.OK
    assert found.found == (
        "the settings lead to database db-staging; none is production's; not to be resolved there: db-staging"
    )


async def test_without_a_list_of_production_it_is_said_what_to_write() -> None:
    found = await looked(answered(told()), isolation.isolation)
    assert (found.state, "[target] production = [" in found.fix) == (State.SKIPPED, True)


async def test_a_real_projects_broker_on_production_is_found(project: Callable[..., Project]) -> None:
    made = project('CELERY_BROKER_URL = "amqp://shop:hunter2-hunter2@10.1.0.7:5672//"\n')
    found = await looked(stack({"django": made.table, **PRODUCTION}), isolation.isolation)
    assert found.state is State.FAILED
    assert found.found == "CELERY_BROKER_URL (broker) is 10.1.0.7, on the list as 10.1.0.0/16"


PARTY = {"name": "payments", "setting": "PAYMENTS.URL", "stub": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("settings", "state", "said"),
    [
        ('PAYMENTS = {"URL": "http://127.0.0.1:9"}', State.OK, "stubbed by the settings: payments"),
        (
            'PAYMENTS = {"URL": "https://pay.example.com"}',
            State.FAILED,
            "PAYMENTS.URL is https://pay.example.com",
        ),
        ("PAYMENTS = {}", State.FAILED, "there is no setting PAYMENTS.URL"),
    ],
)
async def test_a_third_party_must_have_its_stub(
    project: Callable[..., Project], settings: str, state: State, said: str
) -> None:
    data = {"django": project(f"{settings}\n").table, "third_parties": [PARTY]}
    found = await looked(stack(data), isolation.third_parties)
    assert (found.state, said in found.found) == (state, True), found.found


async def test_a_secret_that_should_be_a_stub_is_not_shown() -> None:
    stubs = {"PAYMENTS.KEY": {"there": True, "same": False, "value": "hmac:" + "0" * 32}}
    data = {"third_parties": [{**PARTY, "setting": "PAYMENTS.KEY"}]}
    found = await looked(answered(told(stubs=stubs), data), isolation.third_parties)
    assert found.found == "payments: PAYMENTS.KEY is another value"


@pytest.mark.parametrize(("calls", "state"), [(True, State.WARNING), (False, State.OK)])
async def test_whom_nobody_names_the_guard_cannot_see(calls: bool, state: State) -> None:
    data: dict[str, Any] = {"target": {"host": "https://s.example.com", "calls_third_parties": calls}}
    found = await looked(answered(told(), data), isolation.third_parties)
    assert found.state is state
    assert ("the guard cannot see" in found.found) is calls
