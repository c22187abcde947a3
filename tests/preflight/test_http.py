"""What a check relies on: it gets what a browser would, from the target's own host and from nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rampdeck.errors import NoAnswer
from rampdeck.preflight.http import MOST, Browser, Way

from .answering import Asked, Reply, answering


async def test_status_headers_and_body_come_back() -> None:
    reply = Reply(404, (("Server", "nginx"), ("X-Twice", "a"), ("X-Twice", "b")), "gone ü")
    async with answering(reply) as server:
        answer = await Browser(server.url).ask(f"{server.url}/some/path?token=hunter2")
    assert (answer.status, answer.text, answer.header("Server")) == (404, "gone ü", "nginx")
    assert answer.header("X-Twice") == "a, b"
    assert answer.path == "/some/path", "a query may hold a secret"
    assert answer.tls is None
    (asked,) = server.asked
    assert asked.path == "/some/path?token=hunter2"


async def test_a_form_goes_as_a_browser_sends_it_and_cookies_come_back() -> None:
    reply = Reply(200, (("Set-Cookie", "sessionid=abc; Path=/; HttpOnly"),))
    async with answering(reply) as server:
        browser = Browser(server.url)
        await browser.ask(browser.url("/login/"), form={"name": "ä b"}, headers={"Origin": server.url})
        await browser.ask(browser.url("/"))
    form, page = server.asked
    assert (form.method, form.body, form.headers["origin"]) == ("POST", "name=%C3%A4+b", server.url)
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in form.headers
    assert page.headers["cookie"] == "sessionid=abc"


async def test_credentials_of_the_target_go_along_and_are_told_nowhere() -> None:
    async with answering(Reply()) as server:
        target = server.url.replace("://", "://ann:hunter2@")
        answer = await Browser(target).ask(f"{target}/")
    assert server.asked[0].headers["authorization"] == "Basic YW5uOmh1bnRlcjI="
    assert "@" not in server.asked[0].headers["host"]
    assert "hunter2" not in answer.path


async def test_another_host_is_not_asked() -> None:
    async with answering(Reply()) as own, answering(Reply()) as other:
        browser = Browser(own.url)
        with pytest.raises(NoAnswer, match="not the target's own"):
            await browser.ask(other.url.replace("localhost", "127.0.0.1"))
        with pytest.raises(NoAnswer):
            await browser.ask("ftp://localhost/")
        assert other.asked == []


async def test_redirects_are_followed_on_the_own_host_only() -> None:
    def reply(asked: Asked) -> Reply:
        there = {"/": "/one", "/one": "two", "/away": "http://other.example/x"}.get(asked.path)
        return Reply(302, (("Location", there),)) if there else Reply(body="there")

    async with answering(reply) as server:
        browser = Browser(server.url)
        visit = await browser.visit(browser.url("/"))
        assert [answer.path for answer in visit.answers] == ["/", "/one", "/two"]
        assert visit.page.text == "there"
        away = await browser.visit(browser.url("/away"))
        assert away.elsewhere == "http://other.example/x"


async def test_redirects_without_an_end_have_one() -> None:
    async with answering(lambda asked: Reply(302, (("Location", f"{asked.path}x"),))) as server:
        browser = Browser(server.url)
        visit = await browser.visit(browser.url("/"))
    assert visit.elsewhere
    assert len(server.asked) < 10


async def test_a_page_that_names_a_wild_address_breaks_no_request() -> None:
    async with answering(Reply()) as server:
        browser = Browser(server.url)
        await browser.ask(f"{server.url}/a b\r\nX-Evil: 1/ü")
    (asked,) = server.asked
    assert "x-evil" not in asked.headers


async def test_a_chunked_answer_and_one_without_a_length_are_whole() -> None:
    chunked = Reply(
        raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    async with answering(chunked) as server:
        assert (await Browser(server.url).ask(server.url)).body == b"abcde"
    async with answering(Reply(raw=b"HTTP/1.0 200 OK\r\n\r\nall of it")) as server:
        assert (await Browser(server.url).ask(server.url)).body == b"all of it"


async def test_an_endless_answer_is_cut() -> None:
    async with answering(Reply(body="x" * (MOST * 2))) as server:
        answer = await Browser(server.url).ask(server.url)
    assert answer.cut
    assert len(answer.body) <= MOST + 65536


async def test_why_there_is_no_answer_is_told() -> None:
    async with answering(Reply()) as server:
        gone = server.url
    with pytest.raises(NoAnswer, match=r"(?i)refused|connect call failed"):
        await Browser(gone).ask(gone)
    async with answering(lambda _: None) as server:
        with pytest.raises(NoAnswer, match=r"nothing within 0\.2 s"):
            await Browser(server.url).ask(server.url, timeout=0.2)
    async with answering(Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n")) as server:
        with pytest.raises(NoAnswer, match="no HTTP"):
            await Browser(server.url).ask(server.url)
    async with answering(Reply(raw=b"")) as server:
        with pytest.raises(NoAnswer, match="closed the connection"):
            await Browser(server.url).ask(server.url)
        tls = server.url.replace("http:", "https:")
        with pytest.raises(NoAnswer, match="TLS handshake"):
            await Browser(tls).ask(tls)
    with pytest.raises(NoAnswer, match="no target"):
        Browser("")


async def test_nobody_waits_while_an_answer_is_waited_for() -> None:
    async with answering(lambda _: None) as server:
        asking = asyncio.create_task(Browser(server.url).ask(server.url))
        while not server.asked:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_unix_socket_is_another_way_to_the_same_server(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Reply(body="inside").bytes())
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "g.sock")
    answer = await Browser("http://localhost", Way(socket=tmp_path / "g.sock")).ask("http://localhost/")
    server.close()
    assert answer.text == "inside"
