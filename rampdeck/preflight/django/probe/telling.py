"""The order in which things are asked, and the one line that is told: each part, or why it is missing."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from functools import partial
from typing import Any, Callable, Mapping

from .databases import accounts, django, migrations, server
from .hosts import Resolver, hosts_of
from .logs import handlers
from .masking import OWN_SECRETS, Mask, is_secret, plain
from .surroundings import Surroundings

PACKAGES = (
    *("django", "gunicorn", "uvicorn", "psycopg", "psycopg2", "psycopg2-binary", "mysqlclient", "redis"),
    *("django-redis", "celery", "channels", "whitenoise", "djangorestframework"),
)
MOST_MESSAGES = 200


class Probe:
    """Asks one application; ``answer`` has a key for each part, ``problems`` why one is missing."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.asked = asked
        self.mask = Mask(bytes.fromhex(asked["salt"]), set())
        self.answer: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def told(self, part: str, ask: Callable[[], Any]) -> bool:
        """Put what one part tells into the answer, or else why it cannot; that costs no other part."""
        try:
            self.answer[part] = ask()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the supervising edge
            self.problems[part] = f"{type(error).__name__}: {error}"[:2000]
        return part in self.answer

    def ask(self) -> dict[str, Any]:
        """Ask for everything, in an order in which nothing has to wait for what may fail."""
        began = time.monotonic()
        surroundings = Surroundings(self.asked)
        self.told("surroundings", surroundings.take_on)
        self.told("versions", self.versions)
        self.know_variables()
        self.answer["from"], self.answer["unread"] = surroundings.told, surroundings.problems
        if self.told("module", surroundings.settings) and self.told("load", self.load):
            self.told("hosts", lambda: hosts_of(self.values))
            names = [host["host"] for host in self.answer.get("hosts", ())]
            resolver = Resolver(sorted({*names, *self.asked.get("resolve", ())}))
            self.told("settings", lambda: self.mask.settings(self.values))
            self.told("stubs", lambda: {path: self.stub(path) for path in self.asked.get("stubs", {})})
            self.told("logging", self.logging)
            if self.told("apps", self.populate):
                self.of_applications()
            self.told("addresses", resolver.found)
        self.answer["problems"] = self.problems
        self.answer["seconds"] = round(time.monotonic() - began, 3)
        whole: dict[str, Any] = self.mask.scrubbed(self.answer)
        return whole

    def know_variables(self) -> None:
        """Take the values of variables that are called like secrets out of what is told; a path is none."""
        for name, value in os.environ.items():
            if is_secret(name) and not value.startswith("/"):
                self.mask.know(value)

    def of_applications(self) -> None:
        """Ask what needs the models: checks, and the databases one after the other."""
        self.told("checks", self.checks)
        self.answer["databases"] = {}
        for alias in django("db").connections:
            part = "databases." + alias
            reached = self.told(part + ".server", partial(server, alias))
            found = {"server": self.answer.pop(part + ".server", {}), "reached": reached}
            if reached and self.told(part + ".migrations", partial(migrations, alias)):
                found["migrations"] = self.answer.pop(part + ".migrations")
            self.answer["databases"][alias] = found
        if self.asked.get("accounts"):
            self.told("accounts", lambda: accounts(self.asked["accounts"]))

    def load(self) -> bool:
        """Load the settings; raises whatever their module raises."""
        settings = django("conf").settings
        names = [name for name in dir(settings) if name.isupper()]
        defaults = {name for name in dir(django("conf.global_settings")) if name.isupper()}
        self.mask = Mask(bytes.fromhex(self.asked["salt"]), defaults - set(OWN_SECRETS))
        self.know_variables()
        # It writes its defaults into DATABASES, whoever asks first; so the same is compared always.
        self.told("connections", lambda: bool(django("db").connections.settings))
        self.values = {name: getattr(settings, name) for name in names}
        return True

    def populate(self) -> bool:
        """Load the applications as django.setup() does, without its logging: that could open files."""
        settings = django("conf").settings
        if settings.FORCE_SCRIPT_NAME is not None:
            django("urls").set_script_prefix(settings.FORCE_SCRIPT_NAME)
        django("apps").apps.populate(settings.INSTALLED_APPS)
        return True

    def logging(self) -> dict[str, Any]:
        """Return the way of an error of Django."""
        values = self.values
        return handlers(values.get("LOGGING_CONFIG"), values.get("LOGGING"), bool(values.get("DEBUG")))

    def checks(self) -> list[dict[str, Any]]:
        """Return what ``manage.py check --deploy`` says, without what is silenced."""
        found = django("core.checks").run_checks(include_deployment_checks=True)
        return [
            {
                "id": str(one.id or ""),
                "level": int(one.level),
                "message": str(one.msg),
                "hint": str(one.hint or ""),
            }
            for one in found[:MOST_MESSAGES]
            if not one.is_silenced()
        ]

    def versions(self) -> dict[str, str]:
        """Return the versions of Python and of what matters for a load."""
        metadata = importlib.import_module("importlib.metadata")
        found = {"python": "{}.{}.{}".format(*sys.version_info[:3]), "executable": sys.executable}
        for name in PACKAGES:
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[name] = str(metadata.version(name))
        return found

    def stub(self, path: str) -> dict[str, Any]:
        """Return whether a setting has the value that stubs a third party, and what it has."""
        value: Any = self.values
        for word in path.split("."):
            if isinstance(value, (list, tuple)) and word.isdigit() and int(word) < len(value):
                value = value[int(word)]
            elif isinstance(value, Mapping) and word in value:
                value = value[word]
            else:
                return {"there": False}
        value = plain(value)
        wanted = self.asked["stubs"][path]
        same = value == wanted or str(value) == wanted
        same = same or (isinstance(value, (bool, type(None))) and str(value).lower() == wanted.lower())
        return {"there": True, "same": same, "value": self.mask.at(path, value)}


def main() -> None:
    """Take on what is asked, ask, tell it in one line, and go without a word of anybody else."""
    asked = json.loads(sys.stdin.buffer.readline())
    # Whatever the application prints goes where its errors go.
    out = os.dup(1)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    line = json.dumps(Probe(asked).ask())
    data = "\n{}{}\n".format(asked["marker"], line).encode("ascii")
    while data:
        data = data[os.write(out, data) :]
    # No farewell: what an application has registered for its end is for a server's.
    os._exit(0)
