"""What an operator relies on: a login is proved through the whole stack, and what breaks it is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import free_port
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks.login import CHECKS, asks
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Scenario

from ..answering import Asked, Reply, answering
from ..certificates import Authority
from ..django_site import PASSWORD, Site, proxied, site
from ..stacks import stack

FORM = (
    '<form><input name="username"><input name="password">'
    '<input type="hidden" name="csrfmiddlewaretoken" value="t"></form>'
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site as it should be, and of no harm to it: TLS ended at a proxy that says so."""
    folder = tmp_path_factory.mktemp("site")
    with site(folder, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")) as made:
        yield made


@pytest.fixture
def folder(servers_folder: Path) -> Iterator[Path]:
    """A folder that Nginx's workers may pass through."""
    yield servers_folder / "login-nginx"
    shutil.rmtree(servers_folder / "login-nginx", ignore_errors=True)


async def looked(target: str, accounts: Path | None, login: dict[str, Any] | None = None) -> Check:
    data = {"preflight": {"login": login}} if login is not None else {}
    made = stack(data, target=target, scenario=Scenario(accounts=accounts))
    (found,) = (await Inspection(made, CHECKS).run()).checks
    assert PASSWORD not in str(found)
    return found


def failed(found: Check, *words: str) -> None:
    assert found.state is State.FAILED, found.found
    for word in words:
        assert word in f"{found.found} {found.fix}"


async def test_accounts_log_in_through_the_proxy_and_see_their_page(good: Site, folder: Path) -> None:
    with proxied(folder, f"http://{good.bind}") as nginx:
        found = await looked(nginx.url, good.accounts)
    assert found.state is State.OK, found.found
    assert "3 of 3 accounts logged in (ann, bob, cid)" in found.found
    assert "/private/ was theirs" in found.found


async def test_without_accounts_nothing_is_tried_unless_it_is_wanted(
    good: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAMPDECK_USERNAME", raising=False)
    assert (await looked(good.url, None)).state is State.SKIPPED
    failed(await looked(good.url, None, {}), "no test accounts", "RAMPDECK_USERNAME")


async def test_the_account_of_the_environment_is_one(good: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMPDECK_USERNAME", "ann")
    monkeypatch.setenv("RAMPDECK_PASSWORD", PASSWORD)
    found = await looked(good.url, None)
    assert found.state is State.OK, found.found
    assert "1 of 1 accounts" in found.found


async def test_a_file_without_accounts_could_not_be_found_out(good: Site, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("name,word\nann,x\n")
    found = await looked(good.url, tmp_path / "users.csv")
    assert found.state is State.UNKNOWN
    assert "username,password" in found.found


async def test_an_account_that_is_missing_is_named_with_its_place(good: Site, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(f"username,password\nann,{PASSWORD}\nnobody,{PASSWORD}\n")
    failed(await looked(good.url, tmp_path / "users.csv"), "nobody, account 2 of 2", "the form came back")


async def test_a_proxy_that_drops_the_port_is_found_by_the_origin(good: Site, folder: Path) -> None:
    with proxied(folder, f"http://{good.bind}", NO_PORT) as nginx:
        found = await looked(nginx.url, good.accounts)
    failed(found, "403", "does not see the port", "proxy_set_header Host $http_host", "CSRF_TRUSTED_ORIGINS")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost with its key."""
    Authority(tmp_path).server("localhost")
    return tmp_path / "server.pem"


def https(nginx: NginxServer) -> str:
    return f"https://localhost:{nginx.port}"


NOT_SAID = ("X-Forwarded-Proto $scheme", "X-Nothing $scheme")
NO_PORT = ("Host $http_host", "Host $host")


async def test_tls_that_ends_at_the_proxy_is_proved_by_the_login(
    good: Site, folder: Path, certificate: Path
) -> None:
    with proxied(folder, f"http://{good.bind}", certificate=certificate) as nginx:
        found = await looked(https(nginx), good.accounts)
    assert found.state is State.OK, found.found


async def test_a_proxy_that_does_not_say_that_tls_ended_is_found_by_the_origin(
    good: Site, folder: Path, certificate: Path
) -> None:
    with proxied(folder, f"http://{good.bind}", NOT_SAID, certificate=certificate) as nginx:
        found = await looked(https(nginx), good.accounts)
    failed(found, "403", "plain HTTP", "SECURE_PROXY_SSL_HEADER", "X-Forwarded-Proto")


async def test_a_proxy_that_hides_both_is_told_so(good: Site, folder: Path, certificate: Path) -> None:
    with proxied(folder, f"http://{good.bind}", NOT_SAID, NO_PORT, certificate=certificate) as nginx:
        found = await looked(https(nginx), good.accounts)
    failed(found, "neither TLS nor the port", "SECURE_PROXY_SSL_HEADER", "$http_host")


async def test_an_origin_that_is_trusted_makes_up_for_the_proxy(tmp_path: Path, folder: Path) -> None:
    port = free_port()
    bind = f"127.0.0.1:{port}"
    with (
        proxied(folder, f"http://{bind}", NO_PORT) as nginx,
        site(tmp_path, bind=bind, CSRF_TRUSTED_ORIGINS=[nginx.url]) as made,
    ):
        found = await looked(nginx.url, made.accounts)
    assert found.state is State.OK, found.found


@pytest.mark.parametrize("cookie", ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"])
async def test_a_secure_cookie_over_plain_http_never_comes_back(tmp_path: Path, cookie: str) -> None:
    spoiled: dict[str, Any] = {cookie: True}
    with site(tmp_path, **spoiled) as made:
        failed(await looked(made.url, made.accounts), "is Secure", "plain HTTP", f"{cookie} = False")


async def test_a_cookie_for_another_domain_is_no_session(tmp_path: Path) -> None:
    with site(tmp_path, SESSION_COOKIE_DOMAIN=".production.example.com") as made:
        failed(await looked(made.url, made.accounts), "another domain", "SESSION_COOKIE_DOMAIN")


async def test_sessions_that_each_worker_keeps_for_itself_are_lost(tmp_path: Path) -> None:
    """Each request has a new worker here, and so an empty LocMemCache."""
    sessions: dict[str, Any] = {
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    }
    with site(tmp_path, options=("--max-requests", "1"), **sessions) as made:
        failed(await looked(made.url, made.accounts), "the session is lost", "LocMemCache")


async def test_a_host_that_django_does_not_know_is_told_before_the_form(tmp_path: Path) -> None:
    with site(tmp_path, ALLOWED_HOSTS=["staging.example.com"]) as made:
        failed(await looked(made.url, made.accounts), "→ 400", "ALLOWED_HOSTS")


async def test_a_page_after_the_login_that_is_missing_or_broken(good: Site) -> None:
    failed(
        await looked(good.url, good.accounts, {"page": "/none/"}),
        "GET /none/ → 404",
        "[preflight.login] page",
    )
    failed(await looked(good.url, good.accounts, {"page": "/broken/"}), "GET /broken/ → 500", "log")


async def test_a_page_that_anybody_may_see_proves_nothing(good: Site) -> None:
    found = await looked(good.url, good.accounts, {"page": "/public/"})
    assert found.state is State.WARNING
    assert "may be seen by anybody" in found.found


async def test_a_form_that_is_elsewhere_or_has_other_fields_is_asked_for(good: Site) -> None:
    failed(await looked(good.url, good.accounts, {"path": "/login/"}), "→ 404", "[preflight.login] path")
    found = await looked(good.url, good.accounts, {"username_field": "email"})
    assert found.state is State.UNKNOWN
    assert "email and password" in found.found
    assert "username_field" in found.fix


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500), "→ 500"),
        (Reply(429), "rate limit"),
        (Reply(302, (("Location", "http://other.example/"),)), "another host"),
        (Reply(302, (("Location", "/accounts/login/"),)), "a redirect back to the login"),
        (Reply(302, (("Location", "/in/"),)), "without a session's cookie"),
        (Reply(403, body="CSRF verification failed"), "from whatever origin"),
    ],
)
async def test_other_answers_to_the_form_have_their_sentence(good: Site, reply: Reply, words: str) -> None:
    def serve(asked: Asked) -> Reply:
        return reply if asked.method == "POST" else Reply(body=FORM)

    async with answering(serve) as server:
        failed(await looked(server.url, good.accounts), words)


async def test_what_a_login_sends_is_listed(good: Site) -> None:
    (listed,) = asks(stack({"preflight": {"login": {"path": "/in/", "page": "/mine/"}}}).settings)
    assert [line.split()[1].rstrip(",") for line in listed.commands] == ["/in/", "/in/", "/mine/"]
