"""What an operator relies on: who serves the static files is seen in the logs, not believed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rampdeck.config import Config
from rampdeck.demo.nginx import NginxServer
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks.static import CHECKS, asks, logs
from rampdeck.preflight.inspection import Inspection
from tests.servers import CaddyServer

from ..answering import Asked, Reply, answering
from ..django_site import Site, proxied, site
from ..live import live
from ..stacks import stack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def folder(servers_folder: Path) -> Iterator[Path]:
    yield servers_folder / "static-nginx"
    shutil.rmtree(servers_folder / "static-nginx", ignore_errors=True)


def nginx_of(server: NginxServer, **more: Any) -> dict[str, Any]:
    return {"kind": "nginx", "access_log": str(server.access_log), **more}


async def looked(target: str, *collectors: dict[str, Any], **preflight: Any) -> Check:
    settings = Config.model_validate(
        {"target": {"host": target}, "collectors": collectors, "preflight": preflight}
    )
    async with live(settings) as stack:
        (found,) = (await Inspection(stack, CHECKS).run()).checks
    return found


async def test_a_file_that_nginx_serves_itself_is_proved_by_its_log(made: Site, folder: Path) -> None:
    with proxied(folder, f"http://{made.bind}") as nginx:
        (nginx.static / "shop.css").write_text("body {}")
        found = await looked(nginx.url, nginx_of(nginx))
    assert found.state is State.OK, found.found
    assert "GET /static/shop.css → 200" in found.found
    assert "nginx@local served it, and asked nobody" in found.found
    assert "ETag" in found.found


async def test_a_file_that_goes_through_django_fails(made: Site, folder: Path) -> None:
    with proxied(folder, f"http://{made.bind}", ("location /static/", "location /elsewhere/")) as nginx:
        found = await looked(nginx.url, nginx_of(nginx))
    assert found.state is State.FAILED
    assert "nginx@local handed it on to the application" in found.found
    assert "location /static/" in found.fix


async def test_a_log_without_upstream_times_leaves_the_headers_to_judge_by(made: Site, folder: Path) -> None:
    combined = ("access.log timing", "access.log combined")
    with proxied(folder, f"http://{made.bind}", combined) as nginx:
        (nginx.static / "shop.css").write_text("body {}")
        served = await looked(nginx.url, nginx_of(nginx))
    shutil.rmtree(folder)
    spoiled = ("location /static/", "location /elsewhere/")
    with proxied(folder, f"http://{made.bind}", combined, spoiled) as nginx:
        handed = await looked(nginx.url, nginx_of(nginx))
    assert served.state is State.WARNING
    assert "does not tell who answered" in served.found
    assert "$upstream_status" in served.fix
    assert handed.state is State.FAILED
    assert "Cross-Origin-Opener-Policy" in handed.found


async def test_gunicorn_that_answers_by_itself_fails(made: Site) -> None:
    found = await looked(made.url)
    assert found.state is State.FAILED
    assert "the application server itself answered" in found.found


async def test_a_file_that_is_not_there_fails(made: Site, folder: Path) -> None:
    with proxied(folder, f"http://{made.bind}") as nginx:
        found = await looked(nginx.url, nginx_of(nginx), static="/static/none.css")
    assert found.state is State.FAILED
    assert "→ 404" in found.found
    assert "collectstatic" in found.fix


async def test_files_of_another_host_are_told_and_not_asked_for() -> None:
    async with answering(Reply()) as cdn:
        there = cdn.url.replace("localhost", "127.0.0.1")
        page = f'<link rel="stylesheet" href="{there}/app.css">'
        async with answering(Reply(body=page)) as server:
            found = await looked(server.url)
        assert cdn.asked == []
    assert found.state is State.OK
    assert there in found.found


async def test_a_page_without_files_leaves_nothing_to_look_at() -> None:
    async with answering(Reply(body="<p>nothing</p>")) as server:
        found = await looked(server.url)
    assert found.state is State.SKIPPED
    assert "[preflight] static" in found.fix


async def test_the_login_page_may_name_the_file() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply(body='<script src="/static/app.js"></script>' if asked.path.startswith("/in/") else "")

    async with answering(reply) as server:
        await looked(server.url, login={"path": "/in/"})
        assert server.asked[-1].path.startswith("/static/app.js?rampdeck=mark")


async def test_without_a_log_that_can_be_read_it_is_not_known(
    made: Site, folder: Path, tmp_path: Path
) -> None:
    with proxied(folder, f"http://{made.bind}") as nginx:
        (nginx.static / "shop.css").write_text("body {}")
        none = await looked(nginx.url)
        missing = await looked(nginx.url, nginx_of(nginx) | {"access_log": str(tmp_path / "none.log")})
    assert none.state is missing.state is State.UNKNOWN
    assert "[[collectors]]" in none.fix
    assert "cannot be read" in missing.found
    assert "No such file" in missing.found


async def test_caddy_is_known_by_whose_names_its_answer_has(caddy_server: CaddyServer) -> None:
    caddy = {"kind": "caddy", "access_log": str(caddy_server.access_log), "file": str(caddy_server.log)}
    handed = await looked(caddy_server.url, caddy, static="/static/app.css")
    assert handed.state is State.FAILED
    assert "caddy@local handed it on" in handed.found
    text = caddy_server.config.read_text()
    own = 'handle /static/* {\n        respond "body {}" 200\n    }\n    handle /own/* {'
    caddy_server.config.write_text(text.replace("handle /own/* {", own))
    caddy_server.reload()
    try:
        found = await looked(caddy_server.url, caddy, static="/static/app.css")
    finally:
        caddy_server.config.write_text(text)
        caddy_server.reload()
    assert found.state is State.OK, found.found
    assert "caddy@local served it" in found.found


def test_what_is_sent_is_listed_with_the_paths_of_the_logs() -> None:
    collectors = [
        {"kind": "nginx", "access_log": "/var/log/nginx/it's.log"},
        {"kind": "nginx", "label": "other", "access_log": "/x", "absent": "not here"},
        {"kind": "caddy", "access_log": "/var/log/caddy/access.log", "unit": "caddy"},
    ]
    settings = stack({"collectors": collectors}).settings
    assert [log.path for log in logs(settings)] == ["/var/log/nginx/it's.log", "/var/log/caddy/access.log"]
    target, nginx, caddy = asks(settings)
    assert "rampdeck=MARK" in target.commands[0]
    assert nginx.commands == (
        "LC_ALL=C tail -c 262144 -- '/var/log/nginx/it'\"'\"'s.log' | grep -aF -- MARK",
    )
    assert caddy.host == "local"
