"""The tables that say what staging is, what must never be touched, and what is to be seen before the load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from rampdeck.config.model import Model, Seconds, Url

TableName = Annotated[str, StringConstraints(pattern=r"^([^.]+\.)?[^.]+$", max_length=130)]
Rows = Annotated[int, Field(ge=0)]


class TargetConfig(Model):
    """``[target]``: what the load goes to, and what it must never go to.

    ``environment`` must be named before a run (``--environment``). Users may
    contact ``allowed_hosts`` only: names, addresses and networks; without any,
    the host of the target. ``production`` are the hosts, addresses and networks
    that staging must not talk to. ``calls_third_parties = false`` says that the
    application calls nobody outside. ``tls_in_production`` says in words how TLS
    ends there (``TLS 1.3 at the load balancer``), for the record.
    """

    host: Url | None = None
    environment: str = ""
    tls_in_production: str = ""
    allowed_hosts: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    calls_third_parties: bool = True


class ThirdParty(Model):
    """``[[third_parties]]``: a service that the application calls, and the Django setting that stubs it.

    ``setting`` may lead into a dictionary (``PAYMENTS.URL``); it must have the value ``stub``.
    """

    name: str
    setting: str
    stub: str


class GuardConfig(Model):
    """``[guard]``: what keeps a mistake from becoming an incident.

    Never more than ``users``, started at no more than ``spawn_rate`` a second,
    and no more than ``rps`` requests a second. The ``emergency`` stop ends the
    load by itself when for ``emergency_after`` seconds more than
    ``emergency_error_rate`` per cent of the requests failed, or a server was
    beyond ``emergency_limit`` per cent of its memory, disk or connections.
    With ``programs`` the scenario may start programs, whose connections nobody guards.
    """

    users: int = Field(10_000, ge=1)
    spawn_rate: float = Field(100.0, gt=0)
    rps: float | None = Field(None, gt=0)
    emergency: bool = True
    emergency_after: Seconds = Field(10.0, ge=3)
    emergency_error_rate: float = Field(50.0, gt=0, le=100)
    emergency_limit: float = Field(98.0, gt=0, le=100)
    programs: bool = False


class DjangoConfig(Model):
    """``[django]``: where the application's settings can be asked for.

    ``folder`` is where ``manage`` stands on ``host``; ``python`` is that of its
    virtual environment, ``settings`` the DJANGO_SETTINGS_MODULE, ``env_file`` a
    file of variables (``NAME=value`` lines) as the service has them; variables
    of ``environment`` come on top. What is not given is found out from the
    running server where that may be seen. In a ``container``, or a
    ``compose_service``, it is asked there.
    """

    host: str = "local"
    folder: str = Field("", pattern=r"^(/.*)?$")
    manage: str = "manage.py"
    python: str = ""
    settings: str = ""
    env_file: str = ""
    environment: Mapping[str, str] = Field(default_factory=dict)
    container: str = ""
    compose_service: str = ""

    @model_validator(mode="after")
    def _one_of(self) -> DjangoConfig:
        if self.container and self.compose_service:
            raise ValueError("give container or compose_service, not both")
        return self


class LoginConfig(Model):
    """``[preflight.login]``: the form that a test account logs in with.

    The accounts are those of ``accounts``, a CSV file with the columns
    username and password, or of the scenario's ``--users-csv``, or the one of
    RAMPDECK_USERNAME and RAMPDECK_PASSWORD. ``page`` is one that only a user
    who is logged in may see; without it, the page that the login leads to.
    """

    path: str = Field("/accounts/login/", pattern=r"^/")
    page: str = Field("", pattern=r"^(/.*)?$")
    username_field: str = "username"
    password_field: str = "password"
    accounts: Path | None = None


class PreflightConfig(Model):
    """``[preflight]``: what the stack must look like before the load.

    ``baseline`` is a file of settings as production has them
    (``rampdeck preflight --save-baseline``); ``ignore`` are settings that may
    differ (``*`` stands for any part). ``commit`` and ``image`` are what is to
    be released. ``rows`` are the least rows of tables. ``static`` is the path
    of a static file; without it, one that the home page names. ``path`` is the
    page that is asked for first. ``flows = false``
    runs no critical flow of the scenario.
    """

    baseline: Path | None = None
    ignore: tuple[str, ...] = ()
    commit: str = ""
    image: str = ""
    rows: Mapping[TableName, Rows] = Field(default_factory=dict)
    path: str = Field("/", pattern=r"^/")
    static: str = Field("", pattern=r"^(/.*)?$")
    login: LoginConfig | None = None
    flows: bool = True
    skip: tuple[str, ...] = ()
    """Names of checks that are not wanted; the record says so."""
