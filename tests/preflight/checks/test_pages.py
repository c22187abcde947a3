"""What an operator relies on: a target that is not itself is told, each way of it by its own sentence."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks import pages, tls
from rampdeck.preflight.checks.pages import CHECKS as PAGES
from rampdeck.preflight.checks.tls import CHECKS as TLS
from rampdeck.preflight.inspection import Inspection

from ..answering import Answering, Asked, Reply, answering
from ..certificates import Authority
from ..stacks import stack


async def looked(target: str, **data: object) -> Check:
    (answers,) = (await Inspection(stack(data, target=target), PAGES).run()).checks
    return answers


async def asked(reply: Reply | Answering, path: str = "/") -> Check:
    async with answering(reply) as server:
        return await looked(server.url, preflight={"path": path})


async def test_a_page_is_told_with_its_time_and_its_server() -> None:
    found = await asked(Reply(200, (("Server", "nginx/1.22.1"),)), "/health/")
    assert found.state is State.OK
    assert found.found.startswith("GET /health/ → 200 in ")
    assert found.found.endswith("Server: nginx/1.22.1")


async def test_a_redirect_to_the_login_is_a_good_answer() -> None:
    def reply(asked: Asked) -> Reply:
        there = "/accounts/login/?next=/"
        return Reply(302, (("Location", there),)) if asked.path == "/" else Reply()

    found = await asked(reply)
    assert found.state is State.OK
    assert "the login page" in found.found


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "ALLOWED_HOSTS"),
        (401, "user name and password"),
        (403, "firewall"),
        (404, "[preflight] path"),
        (418, "refuses"),
        (429, "rate limit"),
        (500, "log"),
        (502, "proxy_pass"),
        (503, "maintenance"),
        (504, "py-spy"),
        (599, "log"),
    ],
)
async def test_a_status_that_is_none_of_a_page_fails_with_what_to_do(status: int, words: str) -> None:
    found = await asked(Reply(status))
    assert found.state is State.FAILED
    assert f"→ {status}" in found.found
    assert words in f"{found.found} {found.fix}"


async def test_plain_http_to_a_port_of_tls_is_told_as_such() -> None:
    found = await asked(Reply(400, body="The plain HTTP request was sent to HTTPS port"))
    assert "wants TLS" in found.found


async def test_a_redirect_to_itself_over_tls_is_the_missing_proxy_header(tmp_path: Path) -> None:
    """SECURE_SSL_REDIRECT without SECURE_PROXY_SSL_HEADER."""
    authority = Authority(tmp_path)

    def reply(asked: Asked) -> Reply:
        return Reply(301, (("Location", f"https://{asked.headers['host']}{asked.path}"),))

    async with answering(reply, authority.server("localhost")) as server:
        found = await looked(server.url)
    assert found.state is State.FAILED
    assert "in a circle" in found.found
    assert "SECURE_PROXY_SSL_HEADER" in found.fix


async def test_a_target_that_sends_all_users_to_tls_is_named_anew(tmp_path: Path) -> None:
    async with answering(Reply(), Authority(tmp_path).server("localhost")) as secure:
        found = await asked(Reply(301, (("Location", f"{secure.url}/"),)))
    assert found.state is State.FAILED
    assert "what a form sends is lost" in found.found
    assert found.fix == f'[target] host = "{secure.url}"'


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    async with answering(Reply()) as other:
        there = other.url.replace("localhost", "127.0.0.1")
        found = await asked(Reply(302, (("Location", f"{there}/"),)))
        assert other.asked == []
    assert found.state is State.FAILED
    assert "another host" in found.found
    assert there in found.fix


async def test_nobody_at_the_target_is_a_failure_not_a_question() -> None:
    async with answering(Reply()) as server:
        gone = server.url
    found = await looked(gone)
    assert found.state is State.FAILED
    assert "no answer from" in found.found
    (nowhere,) = (await Inspection(stack(target="http://x"), PAGES).run()).checks
    assert nowhere.state is State.FAILED


# -- TLS


async def tls_of(
    context_names: tuple[str, ...] = ("localhost",),
    *,
    trusted: Path | None = None,
    production: str = "",
    server_header: str = "nginx/1.22.1",
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: float = 90,
    self_signed: bool = False,
) -> tuple[Check, tls.TlsFacts]:
    authority = Authority(folder)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted or authority.file))
    context = authority.server(*context_names, days=days, self_signed=self_signed)
    async with answering(Reply(200, (("Server", server_header),)), context) as server:
        target = {"host": server.url, "tls_in_production": production}
        made = stack({"target": target}, target=server.url)
        (found,) = (await Inspection(made, TLS).run()).checks
        return found, await made.ask(tls.tls)


PRODUCTION = "TLS 1.3 at the load balancer"


async def test_a_good_certificate_is_told_beside_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = await tls_of(
        ("localhost", "staging.example.com"),
        production=PRODUCTION,
        folder=tmp_path,
        monkeypatch=monkeypatch,
    )
    assert found.state is State.OK, found.found
    for words in ("TLS 1.3", "at the proxy (Server: nginx/1.22.1)", "CN=Staging CA", PRODUCTION):
        assert words in found.found
    facts = {fact.name: fact.value for fact in told.facts()}
    assert facts["tls.protocol"].startswith("TLS 1.3, TLS_")
    assert "localhost, staging.example.com" in facts["tls.certificate"]
    assert facts["tls.ends"] == "at the proxy (Server: nginx/1.22.1)"
    assert facts["tls.production"] == PRODUCTION


async def test_what_is_not_as_in_production_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for production, words in (("", "is not said"), ("TLSv1.2 at the ELB", "in production: TLSv1.2")):
        found, _ = await tls_of(production=production, folder=tmp_path, monkeypatch=monkeypatch)
        assert found.state is State.WARNING
        assert words in found.found


async def test_an_application_server_that_ends_tls_itself_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = await tls_of(
        production=PRODUCTION, server_header="gunicorn", folder=tmp_path, monkeypatch=monkeypatch
    )
    assert "at the application server itself" in found.found


async def test_a_certificate_that_ends_soon_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = await tls_of(days=5.5, production=PRODUCTION, folder=tmp_path, monkeypatch=monkeypatch)
    assert found.state is State.WARNING
    assert "ends in 5 days" in found.found


async def test_a_certificate_that_users_refuse_fails_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired, _ = await tls_of(days=-1, production=PRODUCTION, folder=tmp_path, monkeypatch=monkeypatch)
    wrong, _ = await tls_of(
        ("production.example.com",), production=PRODUCTION, folder=tmp_path, monkeypatch=monkeypatch
    )
    own, _ = await tls_of(self_signed=True, production=PRODUCTION, folder=tmp_path, monkeypatch=monkeypatch)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "Another CA").file
    unknown, _ = await tls_of(
        trusted=stranger, production=PRODUCTION, folder=tmp_path, monkeypatch=monkeypatch
    )
    for found, words in (
        (expired, "it has expired"),
        (wrong, "it is for another name"),
        (own, "signed by itself"),
        (unknown, "its issuer is not known"),
    ):
        assert found.state is State.FAILED, found.found
        assert words in found.found
        assert found.fix


async def test_plain_http_is_told_and_a_warning_where_production_has_tls() -> None:
    async with answering(Reply()) as server:
        for production, state in (("", State.OK), (PRODUCTION, State.WARNING)):
            target = {"host": server.url, "tls_in_production": production}
            made = stack({"target": target}, target=server.url)
            (found,) = (await Inspection(made, TLS).run()).checks
            assert found.state is state
            assert "plain HTTP" in found.found
            facts = {fact.name: fact for fact in (await made.ask(tls.tls)).facts()}
            assert facts["tls.protocol"].value == "none: plain HTTP"
            assert facts["tls.certificate"].why


async def test_checks_side_by_side_ask_for_the_page_once() -> None:
    async with answering(Reply()) as server:
        await Inspection(stack(target=server.url), (*PAGES, *TLS)).run()
        assert [asked.path for asked in server.asked] == ["/"]


def test_what_is_sent_to_the_target_is_listed() -> None:
    https = stack(target="https://staging.example.com").settings
    assert [asks.host for asks in (*pages.asks(https), *tls.asks(https))] == ["", ""]
    assert "GET /" in next(pages.asks(https)).commands[0]
    assert not list(tls.asks(stack(target="http://staging.example.com").settings))


async def test_a_slow_target_leaves_the_other_checks_alone() -> None:
    async with answering(lambda _: None) as server:
        looking = asyncio.create_task(looked(server.url))
        while not server.asked:
            await asyncio.sleep(0)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
