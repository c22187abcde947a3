"""The authenticated flow: log in as Django wants it, then work, and notice when the login is lost.

Accounts come from a CSV file with the header ``username,password``, or one
account from the environment; passwords are on no command line, in no request
name and in no log::

    locust -f scenarios/authenticated.py --host https://staging.example.com --users-csv users.csv
    RAMPDECK_USERNAME=ann RAMPDECK_PASSWORD=... locust -f scenarios/authenticated.py --host ...

An unchecked login is the classic lie of a load test: a refused login answers
200, a lost session answers 302, and both look like success. Here redirects
are not followed blindly, each is checked and counted as its own request, so
Locust's counts and the access log's are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import itertools
import os
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from locust import HttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.clients import ResponseContextManager
from locust.env import Environment

NO_ACCOUNTS = (
    "no accounts to log in with: give --users-csv FILE (header: username,password), "
    "or set RAMPDECK_USERNAME and RAMPDECK_PASSWORD"
)


@dataclass(frozen=True)
class Account:
    """Who logs in. The password is not part of what is ever printed."""

    username: str
    password: str = field(repr=False)


@events.init_command_line_parser.add_listener
def add_arguments(parser: LocustArgumentParser) -> None:
    """Add ``--users-csv``."""
    # Another scenario of the same run may have added it already.
    with contextlib.suppress(argparse.ArgumentError):
        parser.add_argument(
            "--users-csv",
            env_var="LOCUST_USERS_CSV",
            default=os.environ.get("RAMPDECK_USERS_CSV", ""),
            help="CSV file with the test accounts; its header is username,password",
        )


@events.init.add_listener
def hand_out_accounts(environment: Environment, **_: Any) -> None:
    """Read the accounts before the first user starts; without any, end with one sentence."""
    if not any(issubclass(user, Customer) for user in environment.user_classes):
        return
    try:
        accounts = read_accounts(getattr(environment.parsed_options, "users_csv", ""))
    except ValueError as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    Customer.accounts = itertools.cycle(accounts)


class Customer(HttpUser):
    """Somebody with an account: logs in, looks at the dashboard and the orders, orders now and then.

    Each user takes the next account; when all are taken, it begins again at
    the first.
    """

    wait_time = between(0.5, 2)
    login_path = "/accounts/login/"
    accounts: ClassVar[Iterator[Account]] = iter(())

    def on_start(self) -> None:
        """Take an account and log in."""
        self.account = next(self.accounts)
        self.logged_in = False
        self.log_in()

    @task(20)
    def dashboard(self) -> None:
        """Look at the dashboard."""
        self.page("/dashboard/")

    @task(10)
    def orders(self) -> None:
        """Look at the list of orders, and at one of them."""
        numbers = re.findall(r'href="/orders/(\d+)/"', self.page("/orders/"))
        if numbers:
            self.page(f"/orders/{random.choice(numbers)}/", name="/orders/[id]/")

    @task(3)
    def order(self) -> None:
        """Order something, and look at what was ordered."""
        form = Form.of(self.page("/orders/new/"))
        if not form.token:
            return
        data = {"csrfmiddlewaretoken": form.token, "quantity": str(random.randint(1, 3))}
        data |= {name: random.choice(values) for name, values in form.choices.items() if values}
        with self.post("/orders/new/", data) as answer:
            ordered = path_of_redirect(answer)
            if answer.status_code == 200:
                answer.failure("the order was refused: the form came back")
            elif ordered and not self.lost_login(answer):
                answer.success()
        if re.fullmatch(r"/orders/\d+/", ordered):
            self.page(ordered, name="/orders/[id]/")

    def page(self, path: str, name: str | None = None) -> str:
        """Return a page that needs the login; empty when it did not come, which is counted as a failure.

        A login that was lost is taken up again at once.
        """
        if not self.logged_in and not self.log_in():
            return ""
        with self.client.get(path, name=name or path, allow_redirects=False, catch_response=True) as answer:
            if answer.status_code == 200:
                return answer.text or ""
            if path_of_redirect(answer) and not self.lost_login(answer):
                answer.failure(f"a redirect to {path_of_redirect(answer)} instead of the page")
        if not self.logged_in:
            self.log_in()
        return ""

    def post(self, path: str, data: dict[str, str]) -> ResponseContextManager:
        """Send a form as a browser does: its page is the Referer, which Django checks over TLS."""
        answer = self.client.post(
            path,
            data=data,
            headers={"Referer": f"{self.client.base_url}{path}"},
            allow_redirects=False,
            catch_response=True,
        )
        assert isinstance(answer, ResponseContextManager)
        return answer

    def log_in(self) -> bool:
        """Log in as Django wants it; return whether the server shows a page of this very user."""
        self.logged_in = False
        self.client.cookies.clear()
        token = self._login_token()
        if not token:
            return False
        data = {
            "username": self.account.username,
            "password": self.account.password,
            "csrfmiddlewaretoken": token,
        }
        with self.post(self.login_path, data) as answer:
            landing = path_of_redirect(answer)
            if answer.status_code == 200:
                answer.failure("not logged in: the login page came back (wrong user name or password?)")
            elif answer.status_code == 403:
                answer.failure("not logged in: 403, the CSRF check refused it (CSRF_TRUSTED_ORIGINS?)")
            elif landing == self.login_path:
                answer.failure("not logged in: a redirect back to the login")
        if not landing or landing == self.login_path:
            return False
        self.logged_in = self._greets(landing)
        return self.logged_in

    def lost_login(self, answer: ResponseContextManager) -> bool:
        """Tell whether an answer sends to the login, and count it as the failure that it is."""
        if path_of_redirect(answer) != self.login_path:
            return False
        self.logged_in = False
        answer.failure("a redirect to the login: the session is gone")
        return True

    def _login_token(self) -> str:
        with self.client.get(self.login_path, allow_redirects=False, catch_response=True) as answer:
            token = Form.of(answer.text or "").token if answer.status_code == 200 else ""
            if answer.status_code == 200 and not token:
                answer.failure("the login page has no csrfmiddlewaretoken")
            elif path_of_redirect(answer):
                answer.failure(f"a redirect to {path_of_redirect(answer)} instead of the login page")
        return token

    def _greets(self, path: str) -> bool:
        """Tell whether the page after the login shows the user's name."""
        with self.client.get(path, allow_redirects=False, catch_response=True) as answer:
            if answer.status_code == 200 and self.account.username in answer.text:
                return True
            if answer.status_code == 200:
                answer.failure("not logged in: the page after the login does not show the user's name")
            elif path_of_redirect(answer):
                answer.failure(f"not logged in: a redirect to {path_of_redirect(answer)} after the login")
        return False


class Form(HTMLParser):
    """What a page asks for: the CSRF token, and the choices of its select boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.token = ""
        self.choices: dict[str, list[str]] = {}
        self._select = ""

    @classmethod
    def of(cls, page: str) -> Form:
        """Read a page."""
        form = cls()
        form.feed(page)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note tokens, select boxes and their options."""
        given = dict(attrs)
        if tag == "input" and given.get("name") == "csrfmiddlewaretoken":
            self.token = self.token or given.get("value") or ""
        elif tag == "select":
            self._select = given.get("name") or ""
        elif tag == "option" and self._select and given.get("value"):
            self.choices.setdefault(self._select, []).append(given["value"] or "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a select box."""
        if tag == "select":
            self._select = ""


def path_of_redirect(answer: ResponseContextManager) -> str:
    """Return the path that an answer redirects to, without its query; empty if it does not redirect."""
    if not 300 <= answer.status_code < 400:
        return ""
    return urlsplit(answer.headers.get("Location") or "").path or "/"


def read_accounts(users_csv: str) -> list[Account]:
    """Return the accounts of a CSV file or, without a file, the one of the environment.

    Raises :class:`ValueError` with one sentence for a person.
    """
    if not users_csv:
        username, password = os.environ.get("RAMPDECK_USERNAME"), os.environ.get("RAMPDECK_PASSWORD")
        if not username or not password:
            raise ValueError(NO_ACCOUNTS)
        return [Account(username, password)]
    try:
        with Path(users_csv).expanduser().open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"cannot read the accounts in {users_csv}: {error}") from None
    accounts = [
        Account(row["username"], row["password"])
        for row in rows
        if row.get("username") and row.get("password")
    ]
    if not accounts:
        raise ValueError(f"no accounts in {users_csv}: it needs the header username,password and a line each")
    return accounts
