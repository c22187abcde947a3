"""The file that is written: it reads as the template does, and holds whatever a host is called."""

from __future__ import annotations

import re
import tomllib

import pytest

from collectors import COLLECTORS
from rampdeck.discovery.draft import Draft, Entry, Table, Value
from rampdeck.discovery.hosts import hosts_of, tables_of
from rampdeck.discovery.settle import configuration, settle
from rampdeck.discovery.writing import TEMPLATE, text
from rampdeck.errors import UsageError

HOSTILE = [
    'it\'s "quoted"',
    "a\nb = 1\n[x]",
    "\x1b[2J\x7f\x00",
    "# no remark",
    "ünï\u2028cödé",
    "\\",
    "\ud800",
]


def collector(kind: str, *entries: Entry, waits: bool = False) -> Table:
    entries = (Entry("kind", kind), Entry("host", "web"), *entries)
    return Table(("collectors",), entries, array=True, open=waits)


def whole() -> Draft:
    draft = Draft()
    draft.add(
        Table(("target",), (Entry("host", "https://shop.example.com"), Entry("environment", "staging"))),
        collector("host"),
        collector("gunicorn", Entry("unit", "shop.service", "of process 812")),
        collector("nginx", Entry("access_log", "/var/log/nginx/a.log"), waits=True),
        Table(("django",), (Entry("host", "web"), Entry("folder", "/srv/shop"))),
        Table(("preflight", "login"), (Entry("path", "/login/"),)),
        Table(("release",), (Entry("folder", "/srv/shop"), Entry("host", "web"))),
        *tables_of(hosts_of(["deploy@10.0.0.5:2222", "web"])),
    )
    return draft


def test_what_was_found_stands_in_the_place_of_the_examples() -> None:
    written = text(whole(), "Found.")
    read = tomllib.loads(written)
    assert read["target"] == {"host": "https://shop.example.com", "environment": "staging"}
    assert read["hosts"] == {
        "10.0.0.5": {"address": "10.0.0.5", "user": "deploy", "port": 2222},
        "web": {"address": "web"},
    }
    assert [one["kind"] for one in read["collectors"]] == ["generator", "host", "gunicorn"]
    assert read["django"]["folder"] == read["release"]["folder"] == "/srv/shop"
    assert read["preflight"]["login"] == {"path": "/login/"}
    assert [stage["name"] for stage in read["stages"]][:1] == ["baseline"]
    assert '# access_log = "/var/log/nginx/a.log"' in written, "what waits for a person"
    assert 'unit = "shop.service"             # of process 812' in written
    assert "app-1.staging.example.com" not in written
    assert written.count("[target]") == written.count("[release]") == written.count("[django]") == 1
    assert '# kind = "redis"' in written, "of what was not found the example stays"
    assert '# kind = "uvicorn"' not in written, "who has Gunicorn needs no example of it"


def test_every_line_of_the_template_that_is_not_filled_stays() -> None:
    kept = text(Draft(), "Nothing.").replace("\n# Nothing.", "")
    assert kept == TEMPLATE.read_text()


@pytest.mark.parametrize("value", HOSTILE)
def test_no_name_can_break_out_of_its_line(value: str) -> None:
    draft = whole()
    entries = (Entry("unit", value, value), Entry("file", value, value, open=True))
    draft.add(collector("uvicorn", *entries), Table(("hosts", value), (Entry("address", value),)))
    written = text(draft, "Found.")
    read = tomllib.loads(written)
    same = value.encode("utf-8", "replace").decode()
    assert [one["unit"] for one in read["collectors"] if one["kind"] == "uvicorn"] == [same]
    assert read["hosts"][same] == {"address": same}
    assert set(read) == set(tomllib.loads(text(whole(), "Found."))), "no table came in by a name"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", written)


@pytest.mark.parametrize("value", ["a", 7, True, ["a", 'b"'], {"orders_order": 5, "x y": 6}])
def test_a_value_is_written_as_it_is_meant(value: Value) -> None:
    assert tomllib.loads(Entry("key", value, "a remark").line())["key"] == value


def test_a_secret_in_a_remark_is_not_written() -> None:
    line = Entry("unit", "shop", "redis://:hunter2hunter2@10.0.0.1/0 password=hunter2hunter2").line()
    assert "hunter2" not in line


def test_a_table_that_its_collector_refuses_waits_for_a_person() -> None:
    draft = whole()
    draft.add(
        collector("caddy", Entry("file", "not/whole.log")), collector("nginx", Entry("error_log", "/e"))
    )
    settle(draft, COLLECTORS)
    assert str(draft.missing[0]).startswith("a table for caddy of web that holds")
    config = configuration(tomllib.loads(text(draft, "Found.")), COLLECTORS, "the file")
    assert "caddy" not in [one["kind"] for one in config.collectors]


def test_two_of_a_kind_get_labels() -> None:
    draft = whole()
    draft.add(*(collector("redis", Entry("port", port)) for port in (6379, 6380)))
    settle(draft, COLLECTORS)
    config = configuration(draft.data(), COLLECTORS, "what was found")
    assert [one.get("label") for one in config.collectors if one["kind"] == "redis"] == [None, "redis-2"]


@pytest.mark.parametrize(
    ("word", "name", "user", "port"),
    [
        ("app-1", "app-1", None, None),
        ("deploy@app-1:2222", "app-1", "deploy", 2222),
        ("a@b@app-1", None, None, None),
        ("[::1]:22", "::1", None, 22),
        ("ssh://root@app-1:22/", "app-1", "root", 22),
        ("-oProxyCommand=sh", None, None, None),
        ("app-1:0", None, None, None),
        ("app-1:70000", None, None, None),
        ("", None, None, None),
        ("two words", None, None, None),
    ],
)
def test_a_host_is_written_as_for_ssh(word: str, name: str | None, user: str, port: int) -> None:
    if name is None:
        with pytest.raises(UsageError, match="is no host"):
            hosts_of([word])
    else:
        ((found, config),) = hosts_of([word]).items()
        assert (found, config.user, config.port) == (name, user, port)


def test_one_address_with_two_ports_is_two_hosts_and_this_machine_needs_no_table() -> None:
    assert list(hosts_of(["127.0.0.1:22", "127.0.0.1:23"])) == ["127.0.0.1", "127.0.0.1-23"]
    assert tables_of(hosts_of(["local"])) == []
    with pytest.raises(UsageError, match="there already"):
        hosts_of(["a:1", "a:1", "a:1"])
