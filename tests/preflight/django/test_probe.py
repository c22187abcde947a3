"""What an operator relies on: the application tells all it can, none of its secrets, and stays as it is."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from rampdeck.demo.servers import PostgresServer
from rampdeck.demo.site import Site
from rampdeck.demo.sshd import SshdServer
from rampdeck.errors import SourceError
from rampdeck.preflight.django import Place, Wanted, ask, asking, asks
from rampdeck.preflight.django.asking import program
from rampdeck.remote.hosts import Hosts
from rampdeck.remote.local import LocalRemote
from tests.hosts import becomes_true, commands, host_of

from .projects import Project

Make = Callable[..., Project]


# --- what is told


async def test_the_shop_tells_what_it_is_made_of(shop_place: Place) -> None:
    wanted = Wanted(accounts=("user001", "user200", "nobody"), stubs={"EMAIL_PORT": "25", "NONE.URL": "x"})
    answer = await ask(LocalRemote(), shop_place, wanted)
    assert answer.problems == {}
    assert answer.versions["django"] == version("django")
    assert answer.module == "rampdeck.demo.shop.settings"
    assert answer.setting("DEBUG") is False
    assert answer.listed("ALLOWED_HOSTS") == ("127.0.0.1", "localhost")
    assert answer.setting("DATABASES.default.CONN_MAX_AGE") == 60
    assert answer.accounts is not None
    assert dict(answer.accounts.found) == {"user001": "ok", "user200": "ok"}
    assert answer.databases is not None
    assert answer.databases["default"].migrations is not None
    assert answer.databases["default"].migrations.pending == ()
    assert answer.stubs is not None
    assert answer.stubs["EMAIL_PORT"].same
    assert not answer.stubs["NONE.URL"].there
    assert answer.logging is not None
    assert [one.to for one in answer.logging.handlers] == ["stderr"]


async def test_it_is_asked_over_ssh_as_well(shop_place: Place, sshd_server: SshdServer) -> None:
    hosts = Hosts({"web": host_of(sshd_server)})
    try:
        answer = await ask(
            hosts.remote("web"), replace(shop_place, host="web"), Wanted(accounts=("user001",))
        )
    finally:
        await hosts.close()
    assert answer.problems == {}
    assert answer.accounts is not None
    assert answer.accounts.found["user001"] == "ok"


async def test_what_is_not_applied_is_named_and_no_table_is_made(project: Make) -> None:
    made = project()
    (made.folder / "db.sqlite3").write_bytes(b"")
    answer = await made.ask()
    assert answer.databases is not None
    told = answer.databases["default"].migrations
    assert told is not None
    assert "auth.0001_initial" in told.pending
    assert "contenttypes.0002_remove_content_type_name" in told.pending
    assert (made.folder / "db.sqlite3").read_bytes() == b"", "not even the table of migrations"


async def test_what_is_applied_that_the_release_does_not_have_is_named(project: Make) -> None:
    made = project()
    code = (
        "import sqlite3; c = sqlite3.connect('db.sqlite3'); c.execute(\"INSERT INTO django_migrations "
        "(app, name, applied) VALUES ('auth', '0999_of_tomorrow', '2026-01-01')\"); c.commit()"
    )
    made.manage("shell", "-c", code)
    answer = await made.ask()
    assert answer.databases is not None
    told = answer.databases["default"].migrations
    assert told is not None
    assert (told.pending, told.unknown) == ((), ("auth.0999_of_tomorrow",))


async def test_accounts_are_found_by_name_or_address_and_told_apart(project: Make) -> None:
    made = project()
    made.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User\n"
        "User.objects.create_user('anna', 'anna@example.com', 'pw')\n"
        "User.objects.create_user('bert', 'bert@example.com', 'pw', is_active=False)\n"
        "User.objects.create_user('cleo', 'cleo@example.com')\n",
    )
    answer = await made.ask(accounts=("anna", "bert", "cleo@example.com", "dora"))
    assert answer.accounts is not None
    assert dict(answer.accounts.found) == {
        "anna": "ok",
        "bert": "inactive",
        "cleo@example.com": "no password",
    }


async def test_names_are_resolved_where_the_application_runs(project: Make) -> None:
    made = project('SEARCH = {"HOSTS": ["localhost:9200"]}\nPAYMENT_API_URL = "https://pay.invalid/v1"\n')
    answer = await made.ask(names=("localhost",))
    assert {(one.setting, one.host, one.port, one.role) for one in answer.hosts or ()} == {
        ("EMAIL_HOST", "localhost", "", "mail"),
        ("SEARCH.HOSTS", "localhost", "9200", "outgoing"),
        ("PAYMENT_API_URL", "pay.invalid", "", "outgoing"),
    }
    assert "127.0.0.1" in answer.addresses["localhost"]
    assert "pay.invalid" not in answer.addresses


# --- what goes wrong there


async def test_what_the_application_prints_breaks_nothing(project: Make) -> None:
    made = project(
        'import atexit, os\nprint("hello")\nos.write(1, b"{}\\n")\nos.system("echo from a child")\n'
        'atexit.register(print, "bye")\n'
    )
    made.write("urls.py", 'print("urls")\nurlpatterns = []\n')
    answer = await made.ask()
    assert answer.problems == {}
    assert answer.checks is not None


BROKEN = {
    "raise KeyError('DATABASE_URL')": "KeyError: 'DATABASE_URL'",
    "import no_such_package": "No module named 'no_such_package'",
    "SECRET_KEY = (": "SyntaxError",
    "raise SystemExit('set STAGE')": "set STAGE",
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items())
async def test_settings_that_cannot_be_loaded_say_why(project: Make, text: str, said: str) -> None:
    answer = await project(f"{text}\n").ask()
    assert not answer.loaded
    assert said in answer.problem("settings")
    assert answer.versions["django"] == version("django"), "what does not need them is told"


async def test_an_application_that_is_not_installed_costs_only_what_needs_it(project: Make) -> None:
    answer = await project('INSTALLED_APPS += ["no_such_application"]\n').ask(accounts=("anna",))
    assert "no_such_application" in answer.problem("checks", "apps")
    assert answer.checks is None
    assert answer.databases is None
    assert answer.setting("DEBUG") is False
    assert answer.logging is not None


async def test_urls_that_cannot_be_imported_cost_the_checks_only(project: Make) -> None:
    made = project()
    made.write("urls.py", "from nowhere import urlpatterns\n")
    answer = await made.ask()
    assert "nowhere" in answer.problem("checks")
    assert answer.databases is not None


async def test_a_database_that_cannot_be_reached_costs_its_own_part_only(project: Make) -> None:
    made = project(
        'DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": 9, '
        '"NAME": "shop", "USER": "shop", "PASSWORD": "hunter2-hunter2"}\n'
    )
    answer = await made.ask(accounts=("anna",))
    assert answer.databases is not None
    assert not answer.databases["default"].reached
    assert "127.0.0.1" in answer.problems["databases.default.server"]
    assert "OperationalError" in answer.problems["accounts"]
    assert answer.checks is not None


async def test_who_has_no_django_or_no_folder_says_so(project: Make) -> None:
    made = project()
    with pytest.raises(SourceError, match="none") as caught:
        await ask(LocalRemote(), replace(made.place, folder=str(made.folder / "none")), Wanted())
    assert "[django]" in caught.value.fix
    answer = await ask(
        LocalRemote(), replace(made.place, python="/usr/bin/python3", settings="config"), Wanted()
    )
    assert "No module named 'django'" in answer.problem("settings")


async def test_an_application_that_hangs_is_stopped_with_all_its_processes(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project('import os, time\nos.system("sleep 98765 &")\ntime.sleep(98765)\n')
    monkeypatch.setattr(asking, "PATIENCE", 1.5)
    with pytest.raises(SourceError, match="was stopped"):
        await made.ask()
    assert await becomes_true(lambda: commands("sleep 98765") == [])


async def test_a_settings_module_that_nobody_names_is_said(project: Make) -> None:
    made = project()
    (made.folder / "manage.py").unlink()
    answer = await made.ask()
    assert "no DJANGO_SETTINGS_MODULE" in answer.problem("settings")


# --- what stays as it is


async def test_nothing_is_written_there(project: Make) -> None:
    made = project(
        'LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["file"]}, '
        '"handlers": {"file": {"class": "logging.FileHandler", '
        '"filename": Path(__file__).with_name("app.log")}}}\n'
        'DATABASES["other"] = {"ENGINE": "django.db.backends.sqlite3", '
        '"NAME": Path(__file__).with_name("no.sqlite3")}\n'
    )
    before = made.files()
    answer = await made.ask(accounts=("anna",))
    assert made.files() == before
    assert answer.logging is not None
    assert str(made.folder / "app.log") in [one.to for one in answer.logging.handlers]
    assert answer.databases is not None
    assert not answer.databases["other"].reached, "a database that is not there is not made"


WRITING = """
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import connections

class Writing(UserManager):
    def get_queryset(self):
        with connections["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE written_by_a_probe (id integer)")
        return super().get_queryset()

class User(AbstractUser):
    objects = Writing()
    class Meta:
        base_manager_name = "objects"
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_not_even_the_applications_own_code_can_write_to_the_database(
    project: Make, postgres_server: PostgresServer, engine: str
) -> None:
    server = postgres_server
    table = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": server.host,
        "PORT": server.port,
        "NAME": server.database,
        "USER": server.owner,
        "PASSWORD": server.owner_password,
    }
    made = project(
        'INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.User"\n'
        + (f'DATABASES["default"] = {table!r}\n' if engine == "postgresql" else "")
    )
    (made.folder / "people").mkdir()
    made.write("people/__init__.py", "")
    made.write("people/models.py", WRITING)
    answer = await made.ask(accounts=("anna",))
    said = "read-only transaction" if engine == "postgresql" else "readonly database"
    assert said in answer.problems["accounts"]
    if engine == "postgresql":
        assert answer.databases is not None
        assert answer.databases["default"].server["address"] == server.host


# --- secrets

SECRETS = {
    "SECRET_KEY": "django-insecure-7!k2n$w",
    "PASSWORD": "hunter2-hunter2",
    "URL": "p%40ss-w0rd-in-url",
    "QUERY": "query-t0ken-value",
    "PATH": "T0A1B2C3D4E5F6G7",
    "STRIPE": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "DSN": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "LIBPQ": "libpq-pa55word",
    "NESTED": "nested-pa55word",
    "LISTED": "listed-s3cret-one",
    "VARIABLE": "variable-s3cret",
    "BYTES": "bytes-s3cret-key",
    "PEM": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
}
WITH_SECRETS = """
import os
S = {secrets!r}
SECRET_KEY = S["SECRET_KEY"]
SECRET_KEY_FALLBACKS = [S["LISTED"]]
EMAIL_HOST_PASSWORD = S["PASSWORD"]
BROKER_URL = "amqp://shop:" + S["URL"] + "@10.0.0.9:5672/shop"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION":
    ["redis://:" + S["PASSWORD"] + "@10.0.0.8:6379/0", "redis://10.0.0.7/1?password=" + S["QUERY"]]}}}}
HOOK = "https://hooks.example.com/services/" + S["PATH"] + "/x"
PROVIDER = {{"publishable": S["STRIPE"], "url": "https://api.example.com/?sig=" + S["STRIPE"]}}
SENTRY_DSN = "https://" + S["DSN"] + "@sentry.example.com/7"
ANALYTICS = "https://" + S["DSN"] + "@stats.example.com/7"
REPORTING = "host=10.0.0.6 user=reader password=" + S["LIBPQ"]
SERVICE = {{"deep": [{{"apiKey": S["NESTED"], "name": "harmless"}}], S["STRIPE"]: 1}}
SIGNING_KEY = S["BYTES"].encode()
CERTIFICATE = "-----BEGIN PRIVATE KEY-----\\n" + S["PEM"]
FROM_VARIABLE = "see " + os.environ["API_TOKEN"]
del S
raise_later = "the password is " + EMAIL_HOST_PASSWORD
"""


async def test_no_secret_of_the_settings_leaves_the_host(project: Make, raw: list[bytes]) -> None:
    made = project(WITH_SECRETS.format(secrets=SECRETS))
    made.write("urls.py", "from config import raise_later\nraise RuntimeError(raise_later)\n")
    (made.folder / "service.env").write_text(f"export API_TOKEN='{SECRETS['VARIABLE']}'\n")
    place = replace(made.place, env_file=str(made.folder / "service.env"))
    answer = await ask(LocalRemote(), place, Wanted(stubs={"EMAIL_HOST_PASSWORD": "another"}))
    assert answer.loaded, answer.problems
    (written,) = raw
    text = written.decode()
    assert [name for name, secret in SECRETS.items() if secret in text] == []
    assert "p@ss-w0rd-in-url" not in text
    assert [
        name for name, secret in SECRETS.items() if secret in json.dumps(dict(answer.settings or {}))
    ] == []
    assert "***" in answer.problem("checks"), "an error that holds one comes without it"
    assert answer.setting("SERVICE.deep.0.name") == "harmless"
    hosts = {one.host for one in answer.hosts or ()}
    assert {f"10.0.0.{number}" for number in (6, 7, 8, 9)} <= hosts
    assert {"hooks.example.com", "api.example.com", "sentry.example.com", "stats.example.com"} <= hosts
    assert not any(secret in host for host in hosts for secret in SECRETS.values())


async def test_what_stands_beside_a_secret_is_not_taken_for_one_everywhere(project: Make) -> None:
    made = project(
        'API_TOKENS = {"host": "staging.example.com", "app": "django.contrib.auth", "token": "very-s3cret"}\n'
        'DB_PASSWORD = "shop"\nNAMES = ["shop", "very-s3cret"]\n'
    )
    answer = await made.ask()
    assert answer.listed("ALLOWED_HOSTS") == ("staging.example.com",)
    assert "django.contrib.auth" in answer.listed("INSTALLED_APPS")
    assert answer.listed("NAMES") == ("shop", "***")


async def test_a_hash_tells_only_whether_a_secret_is_another(project: Make) -> None:
    made = project()
    one, same, other = [(await made.ask(salt=salt)).setting("SECRET_KEY") for salt in ("aa", "aa", "bb")]
    assert one == same != other
    assert one.startswith("hmac:")


async def test_no_secret_of_the_shop_leaves_it(shop: Site, shop_place: Place, raw: list[bytes]) -> None:
    settings = json.loads(Path(shop.environment["RAMPDECK_SHOP"]).read_text())
    await ask(LocalRemote(), shop_place, Wanted(accounts=("user001",)))
    (written,) = raw
    assert settings["secret_key"] not in written.decode()
    assert b"pbkdf2" not in written


# --- the program itself


def test_it_is_one_text_that_python_3_8_understands_and_no_name_is_there_twice() -> None:
    tree = ast.parse(program(), feature_version=(3, 8))
    names: Counter[str] = Counter()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    assert [name for name, count in names.items() if count > 1] == []


def test_everything_that_is_sent_can_be_read_before() -> None:
    look, start, probe = asks()
    assert "/proc/[0-9]*/cmdline" in look
    assert start.startswith("cd -- FOLDER || exit\nexec PYTHON -B -c ")
    assert "SET TRANSACTION READ ONLY" in probe
