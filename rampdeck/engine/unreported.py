"""Requests that were answered, and that Locust then tells nobody of.

A response in a ``with ... catch_response=True`` block is reported when the
block ends. Left by an exception, be it the scenario's own or the one that
ends a killed user, the block ends without a report: the server has answered a
request that no figure holds. Without these the server's count and ours could
not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gevent
from locust.clients import ResponseContextManager
from locust.contrib.fasthttp import ResponseContextManager as FastResponseContextManager
from locust.exception import ResponseError

Listener = Callable[[Any, Mapping[str, Any], bool], None]
listeners: list[Listener] = []
"""Told the ``request`` event hook and what it would have been fired with, and whether a kill is the cause."""


def install() -> None:
    """Teach the responses of both of Locust's clients to tell; may be called again."""
    for kind in (ResponseContextManager, FastResponseContextManager):
        if kind.__exit__.__module__ != __name__:
            kind.__exit__ = _telling(kind.__exit__)  # type: ignore[method-assign]


def _telling(original: Any) -> Any:
    def __exit__(self: Any, exc: Any, value: Any, traceback: Any) -> Any:  # noqa: N807 - takes its place
        if exc is not None and self._manual_result is None and not isinstance(value, ResponseError):
            for listener in listeners:
                listener(self._request_event, self.request_meta, isinstance(value, gevent.GreenletExit))
        return original(self, exc, value, traceback)

    return __exit__
