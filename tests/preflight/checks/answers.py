"""Applications that have answered already: what the checks judge, without one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from rampdeck.preflight.check import Check, Definition
from rampdeck.preflight.django import Answer, Place
from rampdeck.preflight.django.application import application, where
from rampdeck.preflight.inspection import Inspection
from rampdeck.preflight.stack import Stack

from ..stacks import stack

SETTINGS = {
    "DEBUG": False,
    "ALLOWED_HOSTS": ["staging.example.com"],
    "MIDDLEWARE": ["django.middleware.csrf.CsrfViewMiddleware"],
    "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}


def told(settings: Mapping[str, Any] | None = None, **parts: Any) -> Answer:
    """Return what an application told whose settings are fine, but for these; parts as it writes them."""
    answer: dict[str, Any] = {
        "versions": {"django": "5.2.1", "python": "3.12.4", "executable": "/srv/python"}
    }
    answer |= {"settings": {**SETTINGS, **(settings or {})}, "hosts": (), "checks": (), "module": "shop"}
    return TypeAdapter(Answer).validate_python(answer | parts)


def answered(answer: Answer, data: Mapping[str, Any] | None = None, **words: Any) -> Stack:
    """Return a stack whose application has told this; must be called in the loop."""
    made = stack({"django": {"folder": "/srv"}, **(data or {})}, **words)
    loop = asyncio.get_running_loop()
    for question, known in ((application, answer), (where, Place("web", "/srv"))):
        future: asyncio.Future[Any] = loop.create_future()
        future.set_result(known)
        made._asked[question] = future  # type: ignore[assignment]
    return made


async def looked(stack: Stack, check: Definition) -> Check:
    """Return how a check came out."""
    (found,) = (await Inspection(stack, [check]).run()).checks
    return found
