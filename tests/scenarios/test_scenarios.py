"""Each scenario under plain Locust, against the real shop."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from rampdeck.demo.info import DemoInfo

if TYPE_CHECKING:
    from tests.scenarios.conftest import Run

    Locust = Callable[..., Run]

SCENARIO = Path(__file__).parents[2] / "scenarios" / "authenticated.py"
SMALL = ("-u", "5", "-r", "5", "-t", "4s")


def first_account(shop: DemoInfo) -> dict[str, str]:
    with shop.users.open(newline="") as file:
        return next(csv.DictReader(file))


def lines_of(log: Path) -> int:
    with log.open() as file:
        return sum(1 for _ in file)


@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        ("browse.py", {"GET /", "GET /static/shop/shop.css"}),
        ("api.py", {"GET /api/products/", "GET /api/products/[id]"}),
        ("smoke.py", {"GET /health/"}),
    ],
)
def test_a_scenario_without_accounts_runs_without_a_failure(
    locust: Locust, scenario: str, names: set[str]
) -> None:
    result = locust(scenario, *SMALL).result()

    assert result.exit_code == 0, result.output
    assert names <= set(result.requests)
    assert not result.errors


def test_the_smoke_test_asks_for_the_path_that_was_given(locust: Locust) -> None:
    result = locust("smoke.py", *SMALL, "--smoke-path", "/api/products/1/").result()

    assert set(result.requests) == {"GET /api/products/1/"}
    assert not result.errors


def test_the_shop_scenario_logs_in_works_and_agrees_with_the_access_log(
    locust: Locust, shop: DemoInfo
) -> None:
    assert shop.nginx is not None
    before = lines_of(shop.nginx.access_log)

    result = locust("shop.py", "-u", "12", "-r", "12", "-t", "8s", "--users-csv", str(shop.users)).result()

    assert result.exit_code == 0, result.output
    assert not result.errors
    assert {"POST /accounts/login/", "GET /dashboard/", "GET /orders/[id]/", "GET /"} <= set(result.requests)
    assert lines_of(shop.nginx.access_log) - before == result.total


def test_orders_are_placed(locust: Locust, shop: DemoInfo, tmp_path: Path) -> None:
    eager = tmp_path / "eager.py"
    eager.write_text(
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('theirs', {str(SCENARIO)!r})\n"
        "theirs = importlib.util.module_from_spec(spec); sys.modules['theirs'] = theirs\n"
        "spec.loader.exec_module(theirs)\n"
        "class Buyer(theirs.Customer):\n"
        "    pass\n"
        "Buyer.tasks = [Buyer.order]\n"
    )

    result = locust(str(eager), *SMALL, "--users-csv", str(shop.users)).result()

    assert not result.errors, result.output
    assert result.requests["POST /orders/new/"] > 0
    assert result.requests["GET /orders/[id]/"] == result.requests["POST /orders/new/"]


def test_one_account_can_come_from_the_environment(locust: Locust, shop: DemoInfo) -> None:
    account = first_account(shop)

    result = locust(
        "authenticated.py",
        *SMALL,
        RAMPDECK_USERNAME=account["username"],
        RAMPDECK_PASSWORD=account["password"],
    ).result()

    assert not result.errors, result.output
    assert result.requests["POST /accounts/login/"] == 5
    assert account["password"] not in result.output


def test_a_wrong_password_is_a_failure_that_says_so_and_no_page_is_asked_for(
    locust: Locust, shop: DemoInfo, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"username,password\n{first_account(shop)['username']},not-the-pass-word\n")

    result = locust("authenticated.py", *SMALL, "--users-csv", str(wrong)).result()

    assert result.exit_code == 1
    assert result.failures["POST /accounts/login/"] == result.requests["POST /accounts/login/"] > 0
    assert len(result.errors) == 1
    assert "wrong user name or password" in next(iter(result.errors))
    assert set(result.requests) == {"GET /accounts/login/", "POST /accounts/login/"}
    assert "not-the-pass-word" not in result.output


def test_a_lost_session_is_a_failure_and_the_user_logs_in_again(locust: Locust, shop: DemoInfo) -> None:
    assert shop.redis is not None
    with redis.Redis(shop.redis.host, shop.redis.port, password=shop.redis.password) as server:
        server.flushall()
        run = locust("authenticated.py", "-u", "5", "-r", "5", "-t", "10s", "--users-csv", str(shop.users))
        until = time.monotonic() + 60
        while server.dbsize() < 5:
            assert time.monotonic() < until, "nobody logged in"
            time.sleep(0.2)
        server.flushall()

    result = run.result()

    # Who was caught between the login and the first page is told so; everybody else by the next page.
    assert all("session is gone" in error or "after the login" in error for error in result.errors), (
        result.output
    )
    assert any("session is gone" in error for error in result.errors), result.output
    lost = sum(result.errors.values())
    assert lost >= 1
    assert result.requests["POST /accounts/login/"] == 5 + lost
    assert result.failures["POST /accounts/login/"] == 0


@pytest.mark.parametrize("scenario", ["authenticated.py", "shop.py"])
def test_without_accounts_the_run_ends_before_it_begins_with_one_sentence(
    locust: Locust, scenario: str
) -> None:
    result = locust(scenario, *SMALL).result()

    assert result.exit_code == 1
    assert "no accounts to log in with: give --users-csv FILE" in result.output
    assert "Traceback" not in result.output
    assert not result.requests


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file"),
        ("user;pass\nann;secret\n", "it needs the header username,password"),
        ("username,password\n", "it needs the header username,password"),
    ],
)
def test_a_useless_accounts_file_is_named(
    locust: Locust, tmp_path: Path, content: str | None, sentence: str
) -> None:
    accounts = tmp_path / "accounts.csv"
    if content is not None:
        accounts.write_text(content)

    result = locust("authenticated.py", *SMALL, "--users-csv", str(accounts)).result()

    assert result.exit_code == 1
    assert str(accounts) in result.output
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_visitors_of_the_shop_need_no_accounts(locust: Locust) -> None:
    result = locust("shop.py", *SMALL, "ShopVisitor").result()

    assert result.exit_code == 0, result.output
    assert not result.errors
    assert "GET /" in result.requests


def test_the_whole_folder_can_be_given(locust: Locust, shop: DemoInfo) -> None:
    result = locust("", "-u", "8", "-r", "8", "-t", "4s", "--users-csv", str(shop.users)).result()

    assert result.exit_code == 0, result.output
    assert not result.errors
    assert "ERROR" not in result.output


def test_a_project_with_modules_of_the_same_names_keeps_its_own(
    locust: Locust, shop: DemoInfo, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for name in ("scenarios", "common", "browse", "authenticated"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("OWN = True\n")
    (project / "locustfile.py").write_text(
        "import authenticated, browse, common, scenarios\n"
        "from locust import HttpUser\n"
        "assert all(m.OWN for m in (authenticated, browse, common, scenarios))\n"
    )
    both = f"{project / 'locustfile.py'},{SCENARIO.with_name('shop.py')}"

    result = locust(both, *SMALL, "--users-csv", str(shop.users)).result()

    assert result.exit_code == 0, result.output
    assert not result.errors
