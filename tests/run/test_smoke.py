"""`rampdeck smoke`: one endpoint asked many times, as somebody does it who used hey before."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from rampdeck.engine import wire
from tests.run.conftest import Project, environment, serving
from tests.run.test_workers import until

NOTE = "One endpoint, no release evidence"
SITE = """
import asyncio, json

async def main():
    seen = []
    elsewhere = []

    async def serve(reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
                first, *lines = head.split("\\r\\n")
                method, path, _ = first.split(" ")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines) if k}
                body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
                if path == "/_seen":
                    answer = json.dumps([seen, len(elsewhere)]).encode()
                    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer)
                    writer.write(head + answer)
                    continue
                seen.append([method, path, headers, body])
                await asyncio.sleep(0.02)
                if path.startswith("/hang"):
                    await asyncio.sleep(600)
                if path.startswith("/half"):
                    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nok")
                    writer.close()
                    return
                status = b"500 Oops" if path.startswith("/broken") else b"200 OK"
                more = b"Set-Cookie: id=1\\r\\n"
                if path.startswith("/moved"):
                    status = b"302 Found"
                    more = b"Location: http://127.0.0.1:%d/there?token=letmein-77\\r\\n" % other_port
                writer.write(b"HTTP/1.1 %s\\r\\n%sContent-Length: 2\\r\\n\\r\\nok" % (status, more))
        except Exception:
            writer.close()

    def refuse(reader, writer):
        elsewhere.append(1)
        writer.close()

    other = await asyncio.start_server(refuse, "127.0.0.1", 0)
    other_port = other.sockets[0].getsockname()[1]
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def site() -> Iterator[str]:
    """A web server that takes 20 ms for each answer and keeps what it was asked."""
    with serving(SITE) as address:
        yield address


def seen(site: str) -> tuple[list[tuple[str, str, dict[str, str], str]], int]:
    """What the server was asked, and how often another one was connected to."""
    with urllib.request.urlopen(f"{site}/_seen") as answer:
        asked, elsewhere = json.loads(answer.read())
    return [tuple(one) for one in asked], elsewhere


def smoke(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.run("smoke", *arguments)


def told(project: Project, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(smoke(project, *arguments, "--json").stdout)
    return found


def test_it_asks_as_often_as_it_is_told_and_says_that_this_is_no_evidence(
    project: Project, site: str
) -> None:
    done = smoke(project, f"{site}/health/", "-n", "100", "-c", "10")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[0] == lines[-1] == NOTE
    assert f"GET {site}/health/, 10 at a time" in lines
    assert any(line.startswith("100 of 100 requests in ") for line in lines)
    assert any(line.split() == ["100", "200", "OK"] for line in lines)
    assert [line.split()[0] for line in lines if line.startswith("  p")] == [
        "p50",
        "p75",
        "p90",
        "p95",
        "p99",
    ]
    assert "■" in done.stdout
    asked, _ = seen(site)
    assert [(method, path) for method, path, *_ in asked] == [("GET", "/health/")] * 100
    assert not any("cookie" in headers for *_, headers, _ in asked)


def test_its_times_are_those_of_the_server(project: Project, site: str) -> None:
    found = told(project, site, "-n", "200", "-c", "4")
    assert found["evidence"] is False
    assert found["note"] == NOTE
    assert found["requests"] == found["answered"] == 200
    assert found["statuses"] == {"200": 200}
    assert found["bytes"] == 400
    assert sum(bar["count"] for bar in found["histogram"]) == 200
    latency = found["latency"]
    assert 19.5 <= latency["min"] <= latency["p50"] <= latency["p99"]
    assert latency["p99"] <= latency["max"] * 1.01
    assert found["clock"] == ("wire" if wire.install().running else "client")


def test_what_is_asked_for_is_what_is_sent(project: Project, site: str) -> None:
    headers = ("-H", "X-Tenant: shop", "-H", "Content-Type: application/json")
    done = smoke(project, f"{site}/api?q=1", "-n", "3", "-c", "3", "-m", "put", "-d", '{"a": 1}', *headers)
    assert done.returncode == 0, done.stderr
    asked, _ = seen(site)
    assert len(asked) == 3
    for method, path, got, body in asked:
        assert (method, path, body) == ("PUT", "/api?q=1", '{"a": 1}')
        assert got["x-tenant"] == "shop"
        assert got["content-type"] == "application/json"


def test_a_redirect_is_told_and_not_followed(project: Project, site: str) -> None:
    done = smoke(project, f"{site}/moved", "-n", "6", "-c", "2")
    assert done.returncode == 0
    assert "302 Found" in done.stdout
    assert "http://127.0.0.1/there" in done.stdout
    assert "letmein" not in done.stdout
    asked, elsewhere = seen(site)
    assert (len(asked), elsewhere) == (6, 0)


def test_an_error_of_the_server_makes_it_fail(project: Project, site: str) -> None:
    done = smoke(project, f"{site}/broken", "-n", "4", "-c", "2")
    assert done.returncode == 1
    assert "500 Internal Server Error" in done.stdout


@pytest.mark.parametrize(
    ("path", "patience", "why"),
    [("/hang", "1s", "no answer within 1 s"), ("/half", "60s", "HTTPParseError: Incomplete response.")],
)
def test_what_is_not_answered_is_an_error_and_is_not_asked_again(
    project: Project, site: str, path: str, patience: str, why: str
) -> None:
    found = told(project, f"{site}{path}", "-n", "4", "-c", "2", "-t", patience)
    assert found["errors"] == {why: 4}
    assert (found["requests"], found["answered"]) == (4, 0)
    assert len(seen(site)[0]) == 4


def test_nobody_there_is_told_once_with_its_count(project: Project) -> None:
    done = smoke(project, "http://127.0.0.1:1/", "-n", "4", "-c", "2")
    assert done.returncode == 1
    assert any(line.split()[0] == "4" and "refused" in line for line in done.stdout.splitlines() if line)


def test_it_goes_on_for_a_time_instead(project: Project, site: str) -> None:
    found = told(project, site, "-z", "1s", "-c", "2", "-n", "1")
    assert found["asked"] is None
    assert found["seconds"] >= 1
    assert 1 < found["requests"] == len(seen(site)[0])


def test_ctrl_c_prints_what_there_is(project: Project, site: str) -> None:
    with project.start("smoke", site, "-n", "1000000", "-c", "2") as process:
        try:
            until(lambda: len(seen(site)[0]) > 20)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 1, err
    assert "stopped by hand" in out
    assert "200 OK" in out
    assert out.strip().endswith(NOTE)


def test_no_secret_of_the_command_line_is_printed(project: Project, site: str) -> None:
    url = site.replace("//", "//me:hunter-2@") + "/x?code=sesame-99"
    for how in ((), ("--json",)):
        done = smoke(project, url, "-n", "1", "-c", "1", "-H", "Authorization: Bearer opened-55", *how)
        assert done.returncode == 0, done.stderr
        for secret in ("hunter", "sesame", "opened"):
            assert secret not in done.stdout + done.stderr
    ((_, path, headers, _), _), _ = seen(site)
    assert path == "/x?code=sesame-99"
    assert headers["authorization"].startswith(("Bearer", "Basic"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ftp://127.0.0.1/",), "address"),
        (("http://127.0.0.1:99999/",), "address"),
        (("http://no-such-host.invalid/",), "no-such-host.invalid"),
        (("http://127.0.0.1/", "-n", "1000001"), "1,000,000"),
        (("http://127.0.0.1/", "-c", "1001"), "1,000"),
        (("http://127.0.0.1/", "-c", "0"), "-c 0"),
        (("http://127.0.0.1/", "-H", "no header"), "NAME: VALUE"),
        (("http://127.0.0.1/", "-H", "a: b\r\nc: d"), "NAME: VALUE"),
        (("http://127.0.0.1/", "-z", "soon"), "soon"),
        ((), "URL"),
    ],
)
def test_what_cannot_be_had_is_said(project: Project, arguments: tuple[str, ...], words: str) -> None:
    done = smoke(project, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_production_is_never_asked(project: Project, site: str) -> None:
    project.write("rampdeck.toml", '[target]\nenvironment = "staging"\nproduction = ["127.0.0.0/8"]\n')
    done = smoke(project, site, "-n", "1", "-c", "1")
    assert done.returncode == 2
    assert "production" in done.stderr
    assert "Ask the staging host" in done.stderr
    assert seen(site)[0] == []


def test_the_ceiling_of_users_holds_here_too(project: Project, site: str) -> None:
    project.write("rampdeck.toml", "[guard]\nusers = 5\n")
    done = smoke(project, site, "-n", "10", "-c", "6")
    assert done.returncode == 2
    assert "[guard] users" in done.stderr
    assert seen(site)[0] == []


def test_so_does_the_ceiling_of_requests_a_second(project: Project, site: str) -> None:
    project.write("rampdeck.toml", "[guard]\nrps = 10\n")
    done = smoke(project, site, "-n", "25", "-c", "5", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["seconds"] >= 2  # three times ten requests, a second apart


def test_its_help_says_what_it_is(project: Project) -> None:
    assert "No release evidence" in smoke(project, "--help").stdout
    done = subprocess.run(
        project.command("--help"), env=environment(), capture_output=True, text=True, check=True
    )
    assert "smoke" in done.stdout
