"""Who asks for a connection: the request that is under way, and the name that was looked up for it."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import gevent
from gevent.hub import getcurrent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

SESSIONS = (HttpSession.request.__code__, FastHttpSession.request.__code__)
"""Where a request of Locust's own clients is under way."""
_NOTE = "_rampdeck_names"


def request_under_way() -> str:
    """Return the request that the caller lies in, as Locust counts it; empty where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code not in SESSIONS:
        frame = frame.f_back
    if frame is None:
        return ""
    said = frame.f_locals
    return f"{said['method']} {said['name'] or said['url']}"


def note_names() -> None:
    """Note from now on which name a greenlet of this thread looks up, with the addresses that it is given."""
    resolver: Any = gevent.get_hub().resolver

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        places = type(resolver).getaddrinfo(resolver, host, *rest, **named)
        if isinstance(host, str):
            setattr(getcurrent(), _NOTE, dict.fromkeys((str(place[-1][0]) for place in places), host.lower()))
        return places

    resolver.getaddrinfo = getaddrinfo


def looked_up_by(address: str) -> str:
    """Return the name by which the current greenlet has just looked an address up; empty without one.

    It is told once: who comes back to the address later may have it from elsewhere.
    """
    name: str = getattr(getcurrent(), _NOTE, {}).pop(address, "")
    return "" if name == address else name
