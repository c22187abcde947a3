"""What a real Nginx was told about waiting, logging and limiting is read as it takes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors._facts_nginx import NginxFacts
from collectors._nginx_told import told
from rampdeck.demo.nginx import NginxServer
from rampdeck.facts import Fact
from rampdeck.nginx import seconds, tree
from rampdeck.remote.local import LocalRemote
from tests.servers import UpstreamServer

from .conftest import Answers, by_name

HTTP = """
limit_req_zone $binary_remote_addr zone=one:1m rate=10r/s;
limit_conn_zone $binary_remote_addr zone=each:1m;
geo $office { default $binary_remote_addr; 10.0.0.0/8 ""; }
limit_req_zone $office zone=other:1m rate=60r/m;
log_format bare escape=json '{"time": "$time_iso8601", "took": ' "${request_time}}";
upstream shop {
    server 127.0.0.1:1 max_fails=0;
    server unix:/run/shop.sock;
    keepalive 8;
    keepalive_timeout 75s;
}
proxy_read_timeout 1m;
"""
LOCATIONS = """
location /shop/ { proxy_pass http://shop/in/; limit_req zone=one burst=20 nodelay; limit_conn each 5; }
location ~ \\.(csv|xls)$ { proxy_pass http://127.0.0.1:2; proxy_read_timeout 5m; proxy_buffering off; }
location /office/ { proxy_pass http://shop; limit_req zone=other; }
location /quiet/ { proxy_pass http://shop; limit_req_dry_run on; limit_req zone=one; access_log off; }
location /files/ { root /nowhere; proxy_read_timeout 9s; } # proxy_read_timeout 8s;
"""


@pytest.fixture
def nginx(servers_folder: Path, upstream_server: UpstreamServer) -> Iterator[NginxServer]:
    """An Nginx that has accepted all of it: what it would refuse cannot be tested here."""
    parent = servers_folder / "told-nginx"
    parent.mkdir(mode=0o711)
    server = NginxServer.create(parent, upstream_server.url)
    (server.folder / "shop").mkdir()
    (server.folder / "shop" / "locations.conf").write_text(LOCATIONS)
    text = server.config.read_text().replace("sendfile on;", f"sendfile on;{HTTP}")
    text = text.replace("server_name localhost;", "server_name localhost; include shop/*.conf;")
    text = text.replace("access.log timing;", "access.log timing buffer=4k flush=1s;")
    text = text.replace("error.log warn;", "error.log notice;")
    server.config.write_text(text)
    with server:
        yield server
    shutil.rmtree(parent)


async def test_a_real_configuration_is_read_as_nginx_takes_it(nginx: NginxServer) -> None:
    asking = NginxFacts("", str(nginx.access_log), str(nginx.error_log))
    found = {name: fact.value for name, fact in by_name(await asking.facts(LocalRemote())).items()}
    assert found["nginx.state"] == "running"
    assert set(found["nginx.proxy_read_timeout"].split(", ")) >= {"60", "300"}
    assert "9" not in found["nginx.proxy_read_timeout"].split(", "), "it proxies nothing there"
    assert {"127.0.0.1:1", "unix:/run/shop.sock", "127.0.0.1:2"} < set(found["nginx.upstreams"].split(", "))
    assert "8 connections for 75 s" in found["nginx.upstream_keepalive"]
    assert set(found["nginx.proxy_buffering"].split(", ")) == {"on", "off"}
    assert found["nginx.proxy_request_buffering"] == "on"
    assert "one: 10r/s by $binary_remote_addr burst 20" in found["nginx.limit_req"]
    assert "other: 60r/m by $office of a map" in found["nginx.limit_req"]
    assert found["nginx.limit_req"].count("one: ") == 1, "a dry run limits nobody"
    assert found["nginx.limit_conn"] == "each: 5 by $binary_remote_addr"
    assert found["nginx.access_log_format"] == "timing"
    assert "upstream_response_time" in found["nginx.access_log_variables"]
    assert found["nginx.error_log_level"] == "notice"


def of_text(text: str, access_log: str = "/l/access.log", error_log: str = "/l/error.log") -> dict[str, Fact]:
    return by_name(tuple(told(tree({"/etc/nginx/nginx.conf": text}), "read", access_log, error_log)))


def test_what_is_not_written_is_nginxs_default() -> None:
    found = of_text("http { server { location / { proxy_pass http://127.0.0.1:8000; } } }")
    shown = {name: (fact.value, fact.provenance) for name, fact in found.items()}
    assert shown["nginx.proxy_read_timeout"] == ("60", "default of Nginx")
    assert shown["nginx.worker_connections"] == ("512", "default of Nginx")
    assert shown["nginx.access_log_format"] == ("combined", "default of Nginx")
    assert shown["nginx.error_log_level"] == ("error", "default of Nginx")
    assert shown["nginx.limit_req"][0] == "none"
    assert shown["nginx.upstream_keepalive"][0] == "none"


def test_one_log_in_two_formats_tells_what_each_line_has() -> None:
    found = of_text(
        "http { log_format a '$status $request_time'; log_format b '$status $host'; "
        "access_log /l/access.log a; server { access_log /l/access.log b if=$x; } "
        "server { access_log /other a; } }"
    )
    assert found["nginx.access_log_format"].value == "a, b"
    assert found["nginx.access_log_variables"].value == "status"


def test_a_server_that_proxies_nothing_tells_nothing_of_it() -> None:
    found = of_text("http { server { root /srv; } }")
    assert "nginx.proxy_read_timeout" not in found
    assert "nginx.limit_req" not in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "}}}}",
        "{" * 3000,
        "a 'b",
        'http { x "',
        "include nginx.conf; include *;",
        "log_format; limit_req; access_log; error_log; proxy_pass;",
        "http { proxy_pass; limit_req_zone; limit_conn_zone a; upstream {} geo {} map {} }",
        "http { upstream u { keepalive; server; } location / { proxy_pass http://u; limit_req; } }",
        "content_by_lua_block { local s = 'it''s' if x then y = \"}\" end }",
        "\\",
        "$ ${ ${a",
        "\x00\xff",
    ],
)
def test_no_text_breaks_the_reading(text: str) -> None:
    assert "nginx.access_log_format" in of_text(text)


def test_times_are_read_as_nginx_reads_them() -> None:
    given = {"60": 60, "30s": 30, "1m30s": 90, "1h": 3600, "500ms": 0.5, "x": None, "": None, "1x": None}
    assert {text: seconds(text) for text in given} == given


async def test_an_nginx_that_does_not_run_is_told_apart_from_one_that_cannot_be_seen() -> None:
    for hidden, value in (("", "stopped"), ("yes\n", "")):
        host = Answers(**{"== masters": f"== user\n1000\n== masters\n== workers\n== hidden\n{hidden}"})
        found = by_name(await NginxFacts("", "/l/access.log", "").facts(host))
        assert found["nginx.state"].value == value
    assert "hidepid" in found["nginx.state"].why


async def test_of_several_that_run_it_is_not_said_that_ours_is_stopped() -> None:
    masters = "0 7 1 nginx: master process nginx -c /a.conf\n0 9 1 nginx: master process nginx -c /b.conf\n"
    files = {name: f"\0# configuration file {name}:\n" for name in ("/a.conf", "/b.conf", "/c.conf")}
    host = Answers(**{"== masters": f"== user\n0\n== masters\n{masters}== workers\n", **files})
    found = by_name(await NginxFacts("", "/l/access.log", "").facts(host))
    assert found["nginx.state"].value == ""
    named = by_name(await NginxFacts("/c.conf", "/l/access.log", "").facts(host))
    assert named["nginx.state"].value == "stopped"
