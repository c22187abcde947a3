"""Settings of a release candidate on staging; what differs from start to start is read from a private file.

The file (RAMPDECK_SHOP, JSON, readable by its owner only) holds `secret_key`, `postgres` (host, port, name,
user, password) or null, `sqlite`, `redis` (a URL) or null, `static_root`, `serve_static` and `faults` (the
names of what is to be broken).
"""

import json
import os
from pathlib import Path

LOCAL = json.loads(Path(os.environ["RAMPDECK_SHOP"]).read_text())

FAULTS = LOCAL["faults"]

SECRET_KEY = LOCAL["secret_key"]
DEBUG = "debug-on" in FAULTS
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rampdeck.demo.shop.orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "rampdeck.demo.shop.urls"
WSGI_APPLICATION = "rampdeck.demo.shop.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]

if LOCAL["postgres"]:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": LOCAL["postgres"]["host"],
            "PORT": LOCAL["postgres"]["port"],
            "NAME": LOCAL["postgres"]["name"],
            "USER": LOCAL["postgres"]["user"],
            "PASSWORD": LOCAL["postgres"]["password"],
            "CONN_MAX_AGE": 60,
            "OPTIONS": {"application_name": "shop"},
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": LOCAL["sqlite"],
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=off;",
            },
        }
    }

if LOCAL["redis"] and "redis-stopped" not in FAULTS:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": LOCAL["redis"]}
    }
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    SESSION_ENGINE = "django.contrib.sessions.backends.db"

# A cheap hash: the load test is about the stack, and 200 throw-away accounts guard nothing.
PASSWORD_HASHERS = ["rampdeck.demo.shop.orders.hashers.QuickPBKDF2"]
# The demo is plain HTTP on loopback: what keeps cookies and pages to TLS would keep them from its users.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]
LOGIN_REDIRECT_URL = "/dashboard/"
LOGOUT_REDIRECT_URL = "/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = LOCAL["static_root"]
SERVE_STATIC = LOCAL["serve_static"]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

if "production-setting" in FAULTS:
    WAREHOUSE_URL = "http://203.0.113.7/stock/"  # of TEST-NET-3: nobody's, and nobody asks it

if "settings-drift" in FAULTS:
    DATABASES["default"]["ATOMIC_REQUESTS"] = True

# The shape of Gunicorn's own lines, so that one reader understands both.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "gunicorn": {
            "format": "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S %z",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "gunicorn"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "shop": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
if "unlogged-errors" in FAULTS:
    LOGGING = {}
