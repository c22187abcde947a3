"""What Gunicorn serves.

Loaded once, before the workers are forked (`preload_app`), with all that the first request would load:
a worker that imports Redis's client and the templates under load answers its first users a second late.
"""

import importlib
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rampdeck.demo.shop.settings")

application = get_wsgi_application()


def warm_up():
    from django.conf import settings
    from django.template.loader import get_template
    from django.urls import resolve

    resolve("/")
    for page in ("home", "dashboard", "list", "detail", "new", "report"):
        get_template(f"orders/{page}.html")
    get_template("registration/login.html")
    if settings.LOCAL["redis"]:
        importlib.import_module("redis")


warm_up()
