"""A small Django site of the test's own behind real Gunicorn, its settings spoiled as a test wants them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rampdeck.demo.nginx import NginxServer
from rampdeck.demo.process import ServerProcess, free_port

PASSWORD = "correct-horse-battery"
SITE = """
import json, os
from pathlib import Path
import django
from django.conf import settings

HERE = Path(__file__).parent
settings.configure(**{
    "SECRET_KEY": "x" * 50, "DEBUG": False, "ALLOWED_HOSTS": ["localhost", "127.0.0.1"],
    "ROOT_URLCONF": __name__,
    "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(HERE / "site.sqlite3")}},
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [str(HERE)]}],
    "LOGIN_REDIRECT_URL": "/private/", "STATIC_URL": "/static/", "USE_TZ": True,
    **json.loads(os.environ["SITE_SETTINGS"]),
})
django.setup()

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from django.views.static import serve

(HERE / "form.html").write_text(
    '<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf_token }}">'
    '<input name="username"><input name="password" type="password"></form>'
)
(HERE / "shop.css").write_text("body {}")
call_command("migrate", verbosity=0)
for name in ("ann", "bob", "cid"):
    if not get_user_model().objects.filter(username=name).exists():
        get_user_model().objects.create_user(name, password="PASSWORD")

def broken(request):
    raise RuntimeError("broken on purpose")

HOME = '<link rel="stylesheet" href="/static/shop.css"><img src="data:,">'
urlpatterns = [
    path("", lambda request: HttpResponse(HOME)),
    path("accounts/login/", LoginView.as_view(template_name="form.html")),
    path("private/", login_required(lambda request: HttpResponse("yours"))),
    path("public/", lambda request: HttpResponse("everybody's")),
    path("broken/", broken),
    path("static/<path:path>", serve, {"document_root": str(HERE)}),
]
application = get_wsgi_application()
"""
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}


class Site:
    """Gunicorn with the site; ``log`` is what it writes, ``bind`` where it listens."""

    def __init__(
        self, folder: Path, settings: dict[str, Any], bind: str = "", options: tuple[str, ...] = ()
    ) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "testsite.py").write_text(SITE.replace('"PASSWORD"', repr(PASSWORD)))
        self.port = free_port()
        self.bind = bind or f"127.0.0.1:{self.port}"
        self.url = f"http://localhost:{self.port}"
        self.log = folder / "gunicorn.log"
        self.accounts = folder / "users.csv"
        rows = "".join(f"{name},{PASSWORD}\n" for name in ("ann", "bob", "cid"))
        self.accounts.write_text(f"username,password\n{rows}")
        command = [
            sys.executable,
            "-P",
            "-m",
            "gunicorn",
            "--chdir",
            str(folder),
            "--preload",
            "-b",
            self.bind,
        ]
        self.process = ServerProcess(
            "Gunicorn",
            [*command, *options, "--worker-tmp-dir", str(folder), "testsite:application"],
            self.log,
            environment={"SITE_SETTINGS": json.dumps(settings)},
        )

    def answers(self) -> bool:
        return self.log.exists() and "Booting worker" in self.log.read_text()


@contextlib.contextmanager
def site(folder: Path, *, bind: str = "", options: tuple[str, ...] = (), **settings: Any) -> Iterator[Site]:
    """Serve the site with these settings on top while the block lasts."""
    made = Site(folder / "site", settings, bind, options)
    made.process.launch()
    try:
        made.process.wait_ready(made.answers)
        yield made
    finally:
        made.process.stop()


@contextlib.contextmanager
def proxied(
    parent: Path, upstream: str, *changes: tuple[str, str], certificate: Path | None = None
) -> Iterator[NginxServer]:
    """Put Nginx in front, with its configuration changed: what stands there, and what takes its place.

    With a ``certificate`` it ends TLS.
    """
    parent.mkdir(mode=0o711)
    server = NginxServer.create(parent, upstream)
    if certificate is not None:
        listen = f"listen 127.0.0.1:{server.port}"
        files = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        changes = ((f"{listen};", f"{listen} ssl; {files}"), *changes)
    text = server.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    server.config.write_text(text)
    with server:
        yield server
