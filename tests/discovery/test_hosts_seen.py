"""What is found on hosts of all kinds, also where half of it is hidden, broken or there twice."""

from __future__ import annotations

import pytest

from rampdeck.errors import HostUnreachable
from tests.discovery.made import NGINX, SITES, Host, found_on, gunicorn, missing, shown, table

UNITS = """== units
Id=nginx.service
MainPID=700
ActiveState=active
StandardOutput=journal
StandardError=inherit

Id=shop.service
MainPID=812
ActiveState=active
StandardOutput=journal
StandardError=inherit
== journal
shop.service
"""
SHOP = gunicorn(812, "unix:/run/shop.sock", group="/system.slice/shop.service")
ADMIN = gunicorn(912, "127.0.0.1:9000", group="/system.slice/admin.service")


async def test_a_unit_with_any_name_is_found_by_its_process() -> None:
    found = await found_on(Host(shows=shown(SHOP, more=UNITS)))
    assert table(found, "gunicorn") == {"kind": "gunicorn", "host": "web", "unit": "shop.service"}
    assert table(found, "host") == {"kind": "host", "host": "web", "units": ["shop.service"]}


async def test_a_journal_that_shows_nothing_is_told_with_the_way_in() -> None:
    found = await found_on(Host(shows=shown(SHOP, more=UNITS.replace("== journal\nshop.service\n", ""))))
    assert table(found, "gunicorn")["unit"] == "shop.service"
    assert "sudo usermod -aG systemd-journal deploy" in missing(found)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (gunicorn(812, "x", more="--error-logfile\t/var/log/it's g.log\t"), {"file": "/var/log/it's g.log"}),
        (gunicorn(812, "x", more="--log-file=/var/log/g.log\t"), {"file": "/var/log/g.log"}),
        (SHOP.replace("cwd \n", "cwd /srv\nfd 2 /var/log/shop/err.log\n"), {"file": "/var/log/shop/err.log"}),
    ],
)  # fmt: skip
async def test_a_log_in_a_file_is_found_where_it_is_named_or_open(lines: str, place: dict[str, str]) -> None:
    found = await found_on(Host(shows=shown(lines, more=UNITS)))
    assert table(found, "gunicorn") == {"kind": "gunicorn", "host": "web", **place}


async def test_a_unit_that_writes_into_a_file_is_followed_there() -> None:
    units = UNITS.replace("StandardError=inherit", "StandardError=append:/var/log/shop.log")
    found = await found_on(Host(shows=shown(SHOP, more=units)))
    assert table(found, "gunicorn")["file"] == "/var/log/shop.log"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (gunicorn(812, "x", group="/system.slice/supervisor.service"), "supervisor.service, which is not"),
        (gunicorn(812, "x"), "shown to its own user only"),
        (gunicorn(812, "x").replace("cwd \n", "cwd \nfd 2 pipe:[4]\n", 1), "goes to another process"),
        (gunicorn(812, "x").replace("cwd \n", "cwd \nfd 2 /dev/null\n", 1), "it goes to /dev/null"),
        (gunicorn(812, "x", group="/user.slice/user@1.service/app.slice/shop.service"), "its own user only"),
    ],
)  # fmt: skip
async def test_a_log_that_is_nowhere_to_be_seen_is_left_to_a_person(lines: str, why: str) -> None:
    units = UNITS.replace("shop.service", "supervisor.service").replace("MainPID=812", "MainPID=5")
    found = await found_on(Host(shows=shown(lines, more=units)))
    assert table(found, "gunicorn") == {}
    assert "the log of Gunicorn on web" in missing(found)
    assert why in missing(found)


async def test_of_two_applications_the_one_behind_the_target_is_taken() -> None:
    for name, pid in (("shop", 812), ("admin", 912)):
        units = UNITS.replace("shop.service", f"{name}.service").replace("812", str(pid))
        host = Host(shows=shown(NGINX + SHOP + ADMIN, more=units), files=SITES)
        found = await found_on(host, target=f"http://{name}.example.com")
        assert table(found, "gunicorn")["unit"] == f"{name}.service"


async def test_of_two_applications_none_is_taken_on_a_guess() -> None:
    found = await found_on(Host(shows=shown(SHOP + ADMIN, more=UNITS)))
    assert "which application of web is meant (there are 2 servers: processes 812, 912)" in missing(found)
    assert "give --target" in missing(found)
    assert not [one for one in found.draft.tables if one.data().get("kind") == "gunicorn"]


async def test_the_logs_are_those_of_the_server_that_the_target_leads_to() -> None:
    host = Host(shows=shown(NGINX + SHOP, more=UNITS), files=SITES)
    found = await found_on(host, target="http://shop.example.com")
    assert table(found, "nginx") == {
        "kind": "nginx",
        "host": "web",
        "access_log": "/usr/share/nginx/logs/shop.log",
        "error_log": "/var/log/nginx/shop.error.log",
        "config": "/etc/nginx/nginx.conf",
    }


async def test_a_log_that_is_off_is_missing_and_the_other_one_is_read() -> None:
    host = Host(shows=shown(NGINX, more=UNITS), files=SITES)
    found = await found_on(host, target="http://admin.example.com")
    assert table(found, "nginx")["error_log"] == "/var/log/nginx/error.log", "as it was built"
    assert "access_log" not in table(found, "nginx")
    assert "the access log of Nginx on web (access_log is off): let Nginx write it" in missing(found)


async def test_a_configuration_that_cannot_be_read_is_told() -> None:
    found = await found_on(Host(shows=shown(NGINX + SHOP, more=UNITS)))
    assert table(found, "nginx") == {}
    assert "/etc/nginx/nginx.conf cannot be read" in missing(found)
    assert table(found, "gunicorn")["unit"] == "shop.service", "the only one is meant, whoever leads there"


async def test_behind_a_hidden_proc_systemd_still_knows_the_unit() -> None:
    units = "== units\nId=gunicorn.service\nMainPID=812\nActiveState=active\nStandardOutput=journal\n"
    found = await found_on(Host(shows=shown(more=units, user="deploy\nhidden")))
    assert table(found, "gunicorn")["unit"] == "gunicorn.service"
    nothing = await found_on(Host(shows=shown(user="deploy\nhidden")))
    assert "the application's server on web (the processes of other users are hidden" in missing(nothing)


async def test_a_host_without_anything_is_watched_as_a_host() -> None:
    found = await found_on(Host(shows=shown()))
    assert [table.data() for table in found.draft.tables] == [{"kind": "host", "host": "web"}]
    assert "no Gunicorn and no Uvicorn was found" in missing(found)


CONTAINER = "ab" * 32
INSIDE = gunicorn(812, "0.0.0.0:8000", group=f"/system.slice/docker-{CONTAINER}.scope")


async def test_a_compose_service_is_found_by_its_process() -> None:
    told = (
        f"== containers\ncontainer {CONTAINER}\t/shop-web-1\tweb\t/srv/it's shop\t/srv/it's shop/c.yml\t\t\n"
    )
    found = await found_on(Host(shows=shown(INSIDE, more=told)))
    assert table(found, "gunicorn") == {
        "kind": "gunicorn",
        "host": "web",
        "compose_service": "web",
        "compose_file": "/srv/it's shop/c.yml",
        "project_directory": "/srv/it's shop",
    }
    assert table(found, "host")["containers"] == ["shop-web-1"]


async def test_a_docker_that_may_not_be_asked_is_told() -> None:
    told = "== containers\nfailed permission denied while trying to connect to the Docker daemon\n"
    found = await found_on(Host(shows=shown(INSIDE, more=told)))
    assert table(found, "gunicorn") == {}
    assert "permission denied while trying to connect to the Docker daemon" in missing(found)
    assert "usermod -aG docker" in missing(found)


async def test_servers_of_data_on_a_host_of_their_own_are_found_without_an_application() -> None:
    postgres = "process 40 1 /usr/lib/postgresql/16/bin/postgres\t-D\t/data\t\ngroup /x\n"
    redis = "process 50 1 /usr/bin/redis-server 10.0.0.5:6380\t\t\n"
    found = await found_on(Host("db", shows=shown(postgres + redis)))
    assert table(found, "redis")["port"] == 6380
    assert table(found, "postgres")["address"] == "127.0.0.1"
    assert "the name of the database on db" in missing(found)
    assert "nobody answers there" in missing(found)


async def test_a_host_that_refuses_costs_no_other_one() -> None:
    found = await found_on(Host("away", refuses=True), Host(shows=shown(SHOP, more=UNITS)))
    assert table(found, "gunicorn")["unit"] == "shop.service"
    assert list(found.refused) == ["away"]
    assert "away cannot be reached" in missing(found)


async def test_where_every_host_refuses_there_is_nothing_to_be_found() -> None:
    with pytest.raises(HostUnreachable, match="web cannot be reached"):
        await found_on(Host(refuses=True))


@pytest.mark.parametrize(
    "noise", ["\x1b[2J\x00", "== processes\nprocess 7\n", "group\nfd x y\ncwd", "Id=\n\n\n="]
)
async def test_noise_is_nothing(noise: str) -> None:
    found = await found_on(Host(shows=shown(SHOP + noise + "\n", more=UNITS + noise)))
    assert table(found, "gunicorn")["unit"] == "shop.service"


async def test_a_host_without_a_shell_says_so() -> None:
    with pytest.raises(Exception, match="web cannot be looked at"):
        await found_on(Host(shows="Restricted!", status=1))
