"""Databases that listen at a unix socket of their host: read through SSH, as the user of the login."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import sql

from collectors.postgres import PostgresCollector, PostgresConfig
from collectors.redis import RedisCollector, RedisConfig
from rampdeck.demo.process import make_folder, unprivileged_user, write_secret
from rampdeck.demo.servers import PostgresServer, RedisServer
from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Health

from .watching import failure, over_ssh, watching

PEER = """
local all all peer
host all all 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def peered(sshd_server: SshdServer) -> Iterator[PostgresServer]:
    """PostgreSQL that lets the users of its host in by their name, at a socket in its own folder."""
    parent = make_folder("rampdeck-peer-")
    server = PostgresServer.create(parent)
    owner = unprivileged_user("postgres")
    rules = write_secret(server.folder / "peer.conf", PEER, owner)
    conf = server.folder / "postgresql.conf"
    settings = f"unix_socket_directories = '{server.folder}'\nhba_file = '{rules}'\n"
    write_secret(conf, conf.read_text() + settings, owner)
    with server:
        with closing(server.connect(as_admin=True)) as admin:
            role = sql.Identifier(sshd_server.user)
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            admin.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
        yield server
    shutil.rmtree(parent)


@pytest.fixture
def at_socket(tmp_path: Path) -> Iterator[tuple[RedisServer, Path]]:
    """Redis at a socket as well."""
    server = RedisServer.create(tmp_path)
    path = tmp_path / "redis.sock"
    conf = server.folder / "redis.conf"
    conf.write_text(f"{conf.read_text()}unixsocket {path}\n")
    with server:
        yield server, path


def postgres(server: PostgresServer, user: str) -> PostgresCollector:
    """Return what a person writes who has no password: the folder of the socket, and the role."""
    table = {"kind": "postgres", "address": str(server.folder), "port": server.port, "user": user}
    return PostgresCollector(PostgresConfig.model_validate(table | {"database": "postgres"}))


async def test_postgresql_knows_the_user_of_the_login_and_asks_for_no_password(
    peered: PostgresServer, sshd_server: SshdServer
) -> None:
    collector = postgres(peered, sshd_server.user)
    async with over_ssh(sshd_server) as remote, watching(collector, remote) as watch:
        assert (await watch.sample()).values["usable"] > 0
        assert watch.sink.health is Health.LIVE


async def test_nobody_gets_in_under_the_name_of_another(
    peered: PostgresServer, sshd_server: SshdServer
) -> None:
    async with over_ssh(sshd_server) as remote:
        assert "Peer authentication failed" in await failure(postgres(peered, peered.user), remote)


async def test_a_socket_that_is_not_there_is_told(peered: PostgresServer, sshd_server: SshdServer) -> None:
    table = {
        "kind": "postgres",
        "address": str(peered.folder),
        "port": 1,
        "user": "x",
        "database": "postgres",
    }
    async with over_ssh(sshd_server) as remote:
        said = await failure(PostgresCollector(PostgresConfig.model_validate(table)), remote)
    assert f"no tunnel through db to its socket {peered.folder}/.s.PGSQL.1: there is no such socket" in said


async def test_redis_is_read_through_its_socket(
    at_socket: tuple[RedisServer, Path], sshd_server: SshdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, path = at_socket
    monkeypatch.setenv("URL", f"unix://:{server.password}@{path}")
    redis = RedisCollector(RedisConfig(kind="redis", url_env="URL"))
    async with over_ssh(sshd_server) as remote, watching(redis, remote) as watch:
        assert (await watch.sample()).values["memory"] >= 0


async def test_without_ssh_a_database_is_read_at_its_own_address(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A managed database: nobody logs in to its host, so the source is read from here."""
    address = f"{postgres_server.host}:{postgres_server.port}/{postgres_server.database}"
    monkeypatch.setenv("DSN", f"postgresql://{postgres_server.user}:{postgres_server.password}@{address}")
    config = PostgresConfig(kind="postgres", dsn_env="DSN")
    assert config.host == "local"
    async with watching(PostgresCollector(config)) as watch:
        assert (await watch.sample()).values["usable"] > 0
