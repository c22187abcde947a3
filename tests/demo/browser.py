"""A user of the shop: keeps cookies, posts forms with their CSRF token and Referer, follows redirects."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPErrorProcessor, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from email.message import Message
    from http.client import HTTPResponse
    from pathlib import Path


class KeepErrors(HTTPErrorProcessor):
    """Hands out an answer of 400 and more instead of raising it; redirects are followed."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        if response.status >= 400:
            return response
        return super().http_response(request, response)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Page:
    status: int
    path: str
    text: str
    headers: Message


class Browser:
    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()), KeepErrors())

    def get(self, path: str) -> Page:
        return self._open(Request(self.url + path))

    def post(self, path: str, *, form: str = "", **fields: object) -> Page:
        """Fetch the page with the form, as a rule the same, then post to `path`."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(form or path).text)
        assert found, f"{form or path} has no CSRF token"
        data = urlencode({**fields, "csrfmiddlewaretoken": found[1]}).encode()
        headers = {"Referer": self.url + path, "Origin": self.url}
        return self._open(Request(self.url + path, data, headers))

    def post_blindly(self, path: str, **fields: object) -> Page:
        """Post without having fetched the form."""
        return self._open(Request(self.url + path, urlencode(fields).encode()))

    def log_in(self, users: Path, row: int = 0) -> str:
        """Log in as one of the test accounts; returns its name."""
        account = list(csv.DictReader(users.read_text().splitlines()))[row]
        page = self.post("/accounts/login/", **account)
        assert page.path == "/dashboard/", page.text
        return account["username"]

    def _open(self, request: Request) -> Page:
        with self._opener.open(request, timeout=30) as answer:
            path = urlsplit(answer.url).path
            return Page(answer.status, path, answer.read().decode(), answer.headers)
