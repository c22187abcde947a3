"""The configuration that Nginx runs with is one hash, however it was had; a change on disk is another one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors._facts_nginx import NginxFacts, _dump
from rampdeck.demo.nginx import NginxServer
from rampdeck.nginx import masters, read
from rampdeck.nginx.files import shell_glob
from rampdeck.remote.local import LocalRemote
from tests.servers import UpstreamServer

from ..watching import PATIENCE, until
from .conftest import Answers, by_name


@pytest.fixture
def nginx(servers_folder: Path, upstream_server: UpstreamServer) -> Iterator[NginxServer]:
    """An Nginx of the test's own, with includes, among others that may run here."""
    parent = servers_folder / "facts-nginx"
    parent.mkdir(mode=0o711)
    server = NginxServer.create(parent, upstream_server.url)
    (server.folder / "sites").mkdir()
    (server.folder / "sites" / "one.conf").write_text("# a site\ninclude 'limits.conf';\n")
    (server.folder / "limits.conf").write_text("client_max_body_size 5m;\n")
    text = server.config.read_text()
    before, after = text.split("sendfile on;")
    server.config.write_text(f"{before}sendfile on; include sites/*.conf;\n # include no/such.conf;\n{after}")
    with server:
        yield server
    shutil.rmtree(parent)


def facts_of(server: NginxServer, config: str = "") -> NginxFacts:
    return NginxFacts(config, str(server.access_log), str(server.error_log))


async def test_the_nginx_that_writes_the_logs_is_found_among_others(
    nginx: NginxServer, nginx_server: NginxServer
) -> None:
    """Both run here; neither is in the place where a package would put it."""
    for server in (nginx, nginx_server):
        found = by_name(await facts_of(server).facts(LocalRemote()))
        assert found["nginx.master_pid"].value == str(server.pid)
        assert found["nginx.version"].value.startswith("nginx/")
        assert found["nginx.worker_processes"].value == "2"
        assert found["nginx.worker_connections"].value == "1024"
        assert len(found["nginx.worker_pids"].value.split(", ")) == 2
        assert str(server.config) in found["nginx.config_sha256"].provenance


async def test_nginx_itself_and_the_files_give_the_same_hash(nginx: NginxServer) -> None:
    found = by_name(await facts_of(nginx).facts(LocalRemote()))
    assert found["nginx.config_sha256"].provenance.startswith("nginx -T")
    assert found["nginx.config_files"].value == "3"
    whole = await read(LocalRemote(), str(nginx.config))
    assert whole is not None
    assert whole.digest == found["nginx.config_sha256"].value
    assert whole.left_out == ()


async def test_a_change_in_an_included_file_and_a_reload_are_seen(nginx: NginxServer) -> None:
    asking = facts_of(nginx)
    before = by_name(await asking.facts(LocalRemote()))
    (nginx.folder / "limits.conf").write_text("client_max_body_size 6m;\n")
    os.kill(nginx.pid, signal.SIGHUP)
    workers = before["nginx.worker_pids"].value
    after = before
    async with asyncio.timeout(PATIENCE):
        while set(after["nginx.worker_pids"].value.split(", ")) & set(workers.split(", ")):
            after = by_name(await asking.facts(LocalRemote()))
    assert after["nginx.config_sha256"].value != before["nginx.config_sha256"].value
    assert after["nginx.master_pid"] == before["nginx.master_pid"]
    assert after["nginx.worker_pids"].value != workers


async def test_whoever_may_not_ask_nginx_reads_the_files(nginx: NginxServer) -> None:

    line = f"4242 7 1 nginx: master process nginx -p {nginx.folder} -c nginx.conf"
    (master,) = masters([line], "/etc/nginx/nginx.conf", "/usr/share/nginx")
    assert master.config == f"{nginx.folder}/nginx.conf"
    assert await _dump(LocalRemote(), master, str(os.getuid())) is None


async def test_a_nginx_that_has_gone_says_so(nginx: NginxServer) -> None:
    nginx.stop()
    await until(lambda: not nginx.answers() or None)
    found = by_name(await NginxFacts("/no/such/nginx.conf", "/no/such/access.log", "").facts(LocalRemote()))
    assert found["nginx.config_sha256"].value == ""
    assert found["nginx.config_sha256"].why == "/no/such/nginx.conf cannot be read"
    assert "nginx.master_pid" not in found


async def test_a_name_in_a_configuration_is_no_command(tmp_path: Path) -> None:
    config = tmp_path / "nginx.conf"
    config.write_text('include "$(touch here);`touch here`*.conf";\ninclude it\'s.conf;\n')
    (tmp_path / "$(touch here);`touch here`1.conf").write_text("one;\n")
    found = await read(LocalRemote(), str(config))
    assert found is not None
    assert not list(tmp_path.rglob("here"))
    assert not Path("here").exists()
    assert len(found.files) == 2
    assert shell_glob("/etc/it's/*.[ab]") == "/etc/'it'\"'\"'s/'*.[ab]".replace("/etc/'it'", "'/etc/it'")


def test_titles_of_old_and_new_nginx_lead_to_their_configuration() -> None:
    lines = (
        "0 1 0 nginx: master process /usr/sbin/nginx -g daemon on; master_process on;",
        "0 2 0 nginx: master process nginx",
        "0 3 0 nginx: master process /opt/nginx/sbin/nginx -c/srv/nginx.conf",
        "0 4 0 grep -F nginx: master process",
    )
    found = list(masters(lines, "/etc/nginx/nginx.conf", "/usr/share/nginx"))
    assert [master.config for master in found] == [
        "/etc/nginx/nginx.conf",
        "/etc/nginx/nginx.conf",
        "/srv/nginx.conf",
    ]
    assert found[0].program == "/usr/sbin/nginx"


async def test_files_that_cannot_be_read_are_named_beside_the_hash() -> None:
    host = Answers(
        **{
            "== masters": "== user\n1000\n== version\n"
            "nginx version: nginx/1.18.0 (Ubuntu) --conf-path=/etc/nginx/n.conf\n"
            "== masters\n0 7 1 nginx: master process nginx\n== workers\n33 8 7 nginx: worker process\n",
            "/etc/nginx/n.conf": "\0# configuration file /etc/nginx/n.conf:\ninclude sites/*;\n",
            "/etc/nginx/sites/*": "\0# unreadable file /etc/nginx/sites/shop:\n",
        }
    )
    found = by_name(await NginxFacts("", "", "").facts(host))
    assert found["nginx.version"].value == "nginx/1.18.0 (Ubuntu)"
    assert found["nginx.config_sha256"].provenance == (
        "1 files, from /etc/nginx/n.conf on, without /etc/nginx/sites/shop: not to be read"
    )
    assert (found["nginx.master_pid"].value, found["nginx.worker_pids"].value) == ("7", "8")
    assert not any(" -T " in command for command in host.heard)


async def test_of_two_that_do_not_name_the_logs_neither_is_taken() -> None:
    masters = "0 7 1 nginx: master process nginx -c /a.conf\n0 9 1 nginx: master process nginx -c /b.conf\n"
    host = Answers(
        **{
            "== masters": f"== user\n0\n== masters\n{masters}== workers\n",
            "/a.conf": "\0# configuration file /a.conf:\n",
            "/b.conf": "\0# configuration file /b.conf:\n",
        }
    )
    found = by_name(await NginxFacts("", "/var/log/nginx/access.log", "").facts(host))
    assert found["nginx.config_sha256"].why == (
        "/a.conf, /b.conf do not tell which one writes these logs. Name the configuration with config"
    )
    assert found["nginx.version"].why == "there is no nginx in the PATH"
