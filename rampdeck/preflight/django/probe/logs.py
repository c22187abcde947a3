"""Where an error of the application is written: the way of a record through the loggers."""

from __future__ import annotations

import copy
import importlib
import logging
import logging.config
import sys
from typing import Any, Mapping

LOGGER = "django.request"
"""It tells every error 500 with its traceback (django/utils/log.py)."""
OWN_WAY = "logging.config.dictConfig"


class Stand(logging.NullHandler):
    """Stands for a handler that is configured: what would open a file or a connection is not made."""

    said: Mapping[str, Any] = {}


def handlers(configured: Any, configuration: Any, debug: bool) -> dict[str, Any]:
    """Return the handlers that an error of Django comes to.

    ``configured`` is LOGGING_CONFIG: the usual way is gone with handlers that do
    nothing; without one, the application has done it itself by now.
    """
    if configured not in (None, "", OWN_WAY):
        return {"own": str(configured), "handlers": []}
    # Before it is configured, as with a server: what exists then, disable_existing_loggers switches off.
    importlib.import_module("django.core.handlers.wsgi")
    if configured:
        _configure(importlib.import_module("django.utils.log").DEFAULT_LOGGING)
        if configuration:
            _configure(configuration)
    logger: Any = logging.getLogger(LOGGER)
    if logger.disabled:
        return {"disabled": True, "handlers": []}
    if not logger.isEnabledFor(logging.ERROR):
        return {"level": logging.getLevelName(logger.getEffectiveLevel()), "handlers": []}
    found: list[dict[str, Any]] = []
    while logger:
        found += [_told(handler, logger.name, debug) for handler in logger.handlers]
        logger = logger.parent if logger.propagate else None
    # logging's handler of last resort writes to stderr where there is none at all.
    last = {"logger": "root", "class": "logging.lastResort", "to": "stderr", "passes": True}
    return {"handlers": found or [last]}


def _configure(configuration: Mapping[str, Any]) -> None:
    harmless = dict(copy.copy(configuration))
    harmless["formatters"] = {}
    harmless["filters"] = {}
    harmless["handlers"] = {
        name: {
            "()": _stand,
            "said": dict(handler, filters=_filters(handler, configuration)),
            **_level(handler),
        }
        for name, handler in (configuration.get("handlers") or {}).items()
    }
    for table in [harmless.get("root") or {}, *(harmless.get("loggers") or {}).values()]:
        table_filters = table.get("filters")
        if table_filters:
            table["filters"] = []
    logging.config.dictConfig(harmless)


def _level(handler: Mapping[str, Any]) -> dict[str, Any]:
    return {"level": handler["level"]} if "level" in handler else {}


def _filters(handler: Mapping[str, Any], configuration: Mapping[str, Any]) -> list[str]:
    known = configuration.get("filters") or {}
    classes = [known.get(name, {}) for name in handler.get("filters") or ()]
    return [str(one.get("()", "")) if isinstance(one, Mapping) else "" for one in classes]


def _stand(said: Mapping[str, Any]) -> Stand:
    stand = Stand()
    stand.said = said
    return stand


def _told(handler: logging.Handler, logger: str, debug: bool) -> dict[str, Any]:
    if isinstance(handler, Stand):
        name = handler.said.get("class") or handler.said.get("()")
        name = name if isinstance(name, str) else getattr(name, "__qualname__", type(name).__qualname__)
        filters = handler.said["filters"]
        target = handler.said.get("stream") or handler.said.get("filename") or ""
    else:
        name = f"{type(handler).__module__}.{type(handler).__qualname__}"
        filters = [type(one).__module__ + "." + type(one).__qualname__ for one in handler.filters]
        target = getattr(handler, "baseFilename", None) or getattr(handler, "stream", "")
    shut = "RequireDebugFalse" if debug else "RequireDebugTrue"
    passes = handler.level <= logging.ERROR and not any(one.endswith(shut) for one in filters)
    return {"logger": logger, "class": name, "to": _place(name, target), "passes": passes}


def _place(name: str, target: Any) -> str:
    """Return where a handler writes: a stream, ``journal``, ``syslog``, a file's path, or nothing known."""
    if target in (sys.stderr, "ext://sys.stderr") or (name.endswith("StreamHandler") and not target):
        return "stderr"
    if target in (sys.stdout, "ext://sys.stdout"):
        return "stdout"
    if "journal" in name.lower():
        return "journal"
    if name.endswith("SysLogHandler"):
        return "syslog"
    if isinstance(target, str) or hasattr(target, "__fspath__"):
        return str(target)
    # ConsoleHandler of a library, RichHandler: whatever writes to a terminal writes to one of the two.
    return "stderr" if name.endswith(("RichHandler", "ConsoleHandler", "ColorizingStreamHandler")) else ""
