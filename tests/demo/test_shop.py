"""Every page of the shop answers as a user sees it, through the whole stack."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from tests.demo.browser import Browser

if TYPE_CHECKING:
    from rampdeck.demo.info import DemoInfo


@pytest.fixture
def browser(demo: DemoInfo) -> Browser:
    return Browser(demo.url)


@pytest.fixture
def customer(demo: DemoInfo, browser: Browser) -> Browser:
    browser.log_in(demo.users)
    return browser


def test_home_shows_the_products_and_keeps_them_in_redis(demo: DemoInfo, browser: Browser) -> None:
    page = browser.get("/")
    assert page.status == 200
    assert page.text.count("<li>") == 51
    assert "Darjeeling Tea" in page.text
    assert demo.redis
    with redis.Redis(demo.redis.host, demo.redis.port, password=demo.redis.password) as client:
        assert client.keys("*home")


def test_pages_of_a_customer_lead_strangers_to_the_login(browser: Browser) -> None:
    for path in ("/dashboard/", "/orders/", "/orders/new/", "/orders/1/"):
        assert browser.get(path).path == "/accounts/login/"


def test_a_login_with_a_wrong_password_stays_where_it_is(browser: Browser) -> None:
    page = browser.post("/accounts/login/", username="user001", password="wrong")
    assert page.path == "/accounts/login/"
    assert "Please enter a correct username and password" in page.text


def test_a_form_without_its_csrf_token_is_refused(browser: Browser) -> None:
    assert browser.post_blindly("/accounts/login/", username="user001", password="x").status == 403


def test_every_account_of_the_file_can_log_in(demo: DemoInfo) -> None:
    for row in (0, 99, 199):
        assert Browser(demo.url).log_in(demo.users, row) == f"user{row + 1:03}"


def test_a_session_lives_in_redis(demo: DemoInfo, customer: Browser) -> None:
    assert demo.redis
    with redis.Redis(demo.redis.host, demo.redis.port, password=demo.redis.password) as client:
        assert client.keys("*django.contrib.sessions.cache*")


def test_the_dashboard_lists_ten_orders_with_their_products(customer: Browser) -> None:
    page = customer.get("/dashboard/")
    assert "Welcome back, user001" in page.text
    assert len(re.findall(r'href="/orders/\d+/"', page.text)) == 10
    assert re.search(r"<td>\w+[\w ]* (Tea|Coffee|Spice|Honey|Jam)", page.text)


def test_the_order_list_has_pages(customer: Browser) -> None:
    assert "page 1 of 3" in customer.get("/orders/").text
    second = customer.get("/orders/?page=2").text
    assert "page 2 of 3" in second
    assert len(re.findall(r'href="/orders/\d+/"', second)) == 10


def test_an_order_is_written_to_the_database(demo: DemoInfo, browser: Browser) -> None:
    name = browser.log_in(demo.users, row=7)
    page = browser.post("/orders/new/", product=3, quantity=2, note="leave at the <b>door</b>")
    assert re.fullmatch(r"/orders/\d+/", page.path)
    assert "leave at the &lt;b&gt;door" in page.text
    number = int(page.path.split("/")[2])
    assert demo.postgres
    with closing(monitor(demo)) as connection:
        row = connection.execute(
            "SELECT username, product_id, quantity FROM orders_orderline"
            " JOIN orders_order o ON o.id = order_id JOIN auth_user u ON u.id = customer_id WHERE o.id = %s",
            [number],
        ).fetchone()
    assert row == (name, 3, 2)


def test_a_wrong_order_is_shown_again_with_its_reason(customer: Browser) -> None:
    page = customer.post("/orders/new/", product=3, quantity=99)
    assert page.path == "/orders/new/"
    assert "less than or equal to 20" in page.text


def test_nobody_sees_the_order_of_another(customer: Browser) -> None:
    assert customer.get("/orders/2/").status == 404


def test_the_report_adds_up_what_customers_buy(browser: Browser) -> None:
    page = browser.get("/report/")
    assert page.text.count("<tr>") == 21


def test_health_and_the_api_answer_in_json(browser: Browser) -> None:
    assert json.loads(browser.get("/health/").text) == {"status": "ok"}
    products = json.loads(browser.get("/api/products/").text)["products"]
    assert len(products) == 51
    one = products[5]
    assert json.loads(browser.get(f"/api/products/{one['id']}/").text)["name"] == one["name"]
    assert browser.get("/api/products/999/").status == 404


def test_log_out_ends_the_session(customer: Browser) -> None:
    assert customer.post("/accounts/logout/", form="/dashboard/").path == "/"
    assert customer.get("/dashboard/").path == "/accounts/login/"


def monitor(demo: DemoInfo) -> psycopg.Connection:
    assert demo.postgres
    return psycopg.connect(
        host=demo.postgres.host,
        port=demo.postgres.port,
        user=demo.postgres.user,
        password=demo.postgres.password,
        dbname=demo.postgres.database,
    )
