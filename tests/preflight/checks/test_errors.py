"""What an operator relies on: that an error of Django would be seen is proved by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rampdeck.config import Config
from rampdeck.facts import Fact, known
from rampdeck.preflight.check import Check, State
from rampdeck.preflight.checks.errors import CHECKS, asks, doors_of
from rampdeck.preflight.inspection import Inspection

from ..answering import Reply, answering
from ..django_site import LOGGING, Site, site
from ..live import live
from ..stacks import stack


async def looked(target: str, log: Path, told: dict[str, str] | None = None) -> Check:
    gunicorn = {"kind": "gunicorn", "file": str(log)}
    settings = Config.model_validate({"target": {"host": target}, "collectors": [gunicorn]})
    async with live(settings, told) as stack:
        (found,) = (await Inspection(stack, CHECKS).run()).checks
    return found


UNSEEN = {"gunicorn@local": "no process of gunicorn is to be seen"}


async def of(made: Site) -> Check:
    return await looked(made.url, made.log)


async def test_an_error_that_reaches_the_log_is_seen_there(tmp_path: Path) -> None:
    with site(tmp_path, LOGGING=LOGGING) as made:
        found = await of(made)
    assert (found.state, found.host) == (State.OK, "gunicorn@local"), found.found
    assert f"at {made.bind}" in found.found


async def test_even_where_django_takes_every_host(tmp_path: Path) -> None:
    with site(tmp_path, LOGGING=LOGGING, ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=True) as made:
        assert (await of(made)).state is State.OK


async def test_through_a_unix_socket_as_most_do(tmp_path: Path) -> None:
    with site(tmp_path, bind=f"unix:{tmp_path}/g.sock", LOGGING=LOGGING) as made:
        found = await of(made)
    assert found.state is State.OK, found.found
    assert f"at {tmp_path}/g.sock" in found.found


async def test_djangos_own_default_mails_errors_and_writes_nothing(tmp_path: Path) -> None:
    with site(tmp_path) as made:
        found = await of(made)
    assert found.state is State.FAILED
    assert "is not in the log after 5 s" in found.found
    assert "StreamHandler" in found.fix
    assert "mails errors" in found.why


async def test_where_no_bind_is_known_it_goes_through_the_proxy(tmp_path: Path) -> None:
    """What answers there may be the proxy itself: then nothing is proved."""
    log = tmp_path / "g.log"
    log.write_text("")
    for reply, words in (
        (Reply(404), "answered 404 through the proxy"),
        (Reply(400, body="<h1>400 Bad Request</h1>nginx"), "perhaps by the proxy itself"),
    ):
        async with answering(reply) as server:
            found = await looked(server.url, log, UNSEEN)
        assert found.state is State.UNKNOWN
        assert words in found.found
        assert server.asked[0].headers["host"].startswith("rampdeck_mark")
    async with answering(Reply(400, body="<h1>Bad Request (400)</h1>")) as server:
        assert (await looked(server.url, log, UNSEEN)).state is State.FAILED


async def test_a_log_that_cannot_be_read_leaves_it_unknown(tmp_path: Path) -> None:
    found = await looked("http://localhost:9", tmp_path / "none.log")
    assert found.state is State.UNKNOWN
    assert "cannot be read" in found.found


async def test_without_an_application_server_there_is_nothing_to_look_at() -> None:
    (found,) = (await Inspection(stack(), CHECKS).run()).checks
    assert found.state is State.SKIPPED


@pytest.mark.parametrize(
    ("bind", "doors"),
    [
        ("127.0.0.1:8000", ["127.0.0.1:8000"]),
        ("0.0.0.0:8000", ["127.0.0.1:8000"]),
        ("[::]:8000", ["127.0.0.1:8000"]),
        (":8000", ["127.0.0.1:8000"]),
        ("http://10.0.0.5:80", ["10.0.0.5:80"]),
        ("unix:/run/gunicorn.sock", ["/run/gunicorn.sock"]),
        ("unix:///run/gunicorn.sock", ["/run/gunicorn.sock"]),
        ("['127.0.0.1:8000', 'unix:/run/g.sock']", ["127.0.0.1:8000", "/run/g.sock"]),
        ("127.0.0.1:8000,127.0.0.1:8001", ["127.0.0.1:8000", "127.0.0.1:8001"]),
        ("fd://3", []),
        ("", []),
    ],
)
def test_where_gunicorn_listens_is_read_from_what_it_told(bind: str, doors: list[str]) -> None:
    assert [str(door) for door in doors_of("gunicorn", facts(**{"gunicorn.bind": bind}))] == doors


def test_where_uvicorn_listens_is_read_too() -> None:
    port = facts(**{"uvicorn.host": "0.0.0.0", "uvicorn.port": "8001"})
    assert [str(door) for door in doors_of("uvicorn", port)] == ["127.0.0.1:8001"]
    uds = facts(**{"uvicorn.host": "127.0.0.1", "uvicorn.port": "8000", "uvicorn.uds": "/run/u.sock"})
    assert [str(door) for door in doors_of("uvicorn", uds)] == ["/run/u.sock"]


def facts(**values: str) -> dict[str, Fact]:
    return {name: known(name, name, value, "made up") for name, value in values.items()}


def test_what_is_sent_is_listed_with_its_host() -> None:
    collectors = [{"kind": "gunicorn", "host": "app-1", "unit": "gunicorn"}]
    listed = list(asks(stack({"collectors": collectors, "hosts": {"app-1": {}}}).settings))
    assert [one.host for one in listed] == ["app-1", ""]
    assert "rampdeck_MARK.invalid" in listed[0].commands[0]
