"""On a host that gives few sessions the sources read, and the facts say why they are not known."""

from __future__ import annotations

from pathlib import Path

from collectors import COLLECTORS
from rampdeck.config import Config
from rampdeck.demo.sshd import SshdServer
from rampdeck.gatherer import Gatherer
from rampdeck.model import Health
from rampdeck.remote.hosts import Hosts
from rampdeck.sources import sources_of

from ..watching import watching


async def test_the_last_session_is_the_sources(tmp_path: Path) -> None:
    server = SshdServer.create(tmp_path)
    conf = server.folder / "sshd_config"
    conf.write_text(conf.read_text().replace("MaxSessions 10", "MaxSessions 1"))
    log = tmp_path / "gunicorn.log"
    log.write_text("a line\n")
    table = {
        "address": server.host,
        "port": server.port,
        "user": server.user,
        "identity_file": str(server.client_key),
        "known_hosts": str(server.known_hosts),
    }
    source = {"kind": "gunicorn", "host": "web", "file": str(log)}
    config = Config.model_validate({"hosts": {"web": table}, "collectors": [source]})
    with server:
        hosts = Hosts(config.hosts)
        (gunicorn,) = (
            one for one in sources_of(config, COLLECTORS, hosts.check) if one.info.kind == "gunicorn"
        )
        gatherer = Gatherer([gunicorn], config.release, hosts.remote)
        try:
            async with watching(gunicorn.collector, hosts.remote("web")) as watch:
                await watch.health(Health.LIVE)
                await gatherer.begin()
                (pair,) = gatherer.pairs
                assert "web has no session left" in pair.fact.why
                await watch.sample()
                assert watch.sink.health is Health.LIVE
        finally:
            await hosts.close()
