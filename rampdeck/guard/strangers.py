"""Whether the scenario's own code runs inside a task of Rampdeck, though nobody has called it.

The context variable of :mod:`.apart` says whose task it is. But Python calls some code
wherever it stands: a ``__del__`` when the garbage is collected, a signal's
handler, a handler of the logging when it is we who log. What such code asks for
is the scenario's, and the stack tells.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import sysconfig
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import FrameType

_TURN = asyncio.Handle._run.__code__
"""Where asyncio begins something: what lies before it is how the program was started."""
_LOGGING = logging.Handler.handle.__code__
"""No handler of our own connects to anything."""
_HERE = Path(__file__).resolve().parents[1]
_NOT_THEIRS = (
    Path(sysconfig.get_path("stdlib")).resolve(),
    _HERE,
    *(_HERE.parent / sibling for sibling in ("collectors", "tui")),
)
_LIBRARIES = {"site-packages", "dist-packages"}


class Strangers:
    """Knows the scenario's own files: these, and all that lies beside and below them but libraries."""

    def __init__(self, files: Iterable[str] = ()) -> None:
        self._files = {Path(file).resolve() for file in files}
        self._folders = {file.parent for file in self._files}
        self._owns = lru_cache(maxsize=1000)(self._is_own)

    def are_here(self) -> bool:
        """Return whether the caller was called by code of the scenario, or by a handler of the logging."""
        frame: FrameType | None = sys._getframe(1)
        seen = turned = False
        while frame is not None:
            code = frame.f_code
            if code is _TURN:
                if seen:
                    return True
                turned = True
            elif code is _LOGGING or self._owns(code.co_filename):
                seen = True
            frame = frame.f_back
        return seen and not turned

    def _is_own(self, filename: str) -> bool:
        if filename.startswith("<"):
            return False
        path = Path(filename).resolve()
        if path in self._files:
            return True
        parents = set(path.parents)
        return bool(self._folders & parents) and not (
            parents & set(_NOT_THEIRS) or _LIBRARIES & set(path.parts)
        )
