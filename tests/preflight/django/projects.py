"""Small Django projects that are made up, each in a folder of its own, on SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rampdeck.preflight.django import Answer, Place, Wanted, ask
from rampdeck.remote.local import LocalRemote

SETTINGS = """
from pathlib import Path

SECRET_KEY = "made-up-secret-key-of-a-project-that-nobody-runs-5f2c"
DEBUG = False
ALLOWED_HOSTS = ["staging.example.com"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "urls"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name("db.sqlite3")}
}
"""
MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config")
execute_from_command_line(sys.argv)
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config")
application = get_wsgi_application()
"""

NEEDY = 'import os\nSECRET_KEY = os.environ["SHOP_SECRET"] + "-and-more"\nSTAGE = os.environ["SHOP_STAGE"]\n'
"""Settings that cannot be loaded without the service's variables."""


class Project:
    """A project in a folder: ``config.py`` holds its settings, ``more`` is written behind the usual ones."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.write("config.py", SETTINGS + more)
        self.write("manage.py", MANAGE)
        self.write("wsgi.py", WSGI)
        self.write("urls.py", "urlpatterns = []\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def manage(self, *arguments: str) -> None:
        command = [sys.executable, "-B", "manage.py", *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, env=environment())

    @property
    def place(self) -> Place:
        return Place("local", str(self.folder), sys.executable)

    @property
    def table(self) -> dict[str, str]:
        """What a person would write under ``[django]``."""
        return {"folder": str(self.folder), "python": sys.executable}

    async def ask(self, **wanted: Any) -> Answer:
        return await ask(LocalRemote(), self.place, Wanted(**wanted))

    def files(self) -> dict[str, bytes]:
        """Every file in the folder with what is in it."""
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


def environment() -> dict[str, str]:
    """Our own without what would name another application."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
