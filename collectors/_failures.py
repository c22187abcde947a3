"""Failed requests as events: the first of a second one by one, a flood by status and path.

A stack that is down answers ten thousand requests a second with the same 502.
What a person needs of those is how many, to which paths and since when, so
beyond :data:`ROOM` a second they are counted by status, upstream status and
path, and told once a second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rampdeck.model import Severity

from ._counts import Columns, made_by_proxy
from ._lines import text_of

ROOM = 200
"""Failed requests of one second that are events of their own."""
GROUPS = 50
"""Groups of one second; what belongs to none of them is counted as one more."""
OTHERS = b"other paths"
_CHANGING = re.compile(
    rb"(?<![A-Za-z0-9])(?:\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=[a-f]*\d)[0-9a-f]{8,64})(?![A-Za-z0-9])"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed request, or so many like it; ``status`` is empty for a line that cannot be read."""

    text: str
    status: bytes
    fields: Mapping[str, str]
    count: int = 0
    """How many a group stands for; 0 for a line that is an event of its own."""


class _Group:
    """Like requests of one second."""

    __slots__ = ("count", "header_time", "time")

    def __init__(self) -> None:
        self.count = 0
        self.header_time = b""
        self.time = b""


class Failures:
    """Decides which failed requests are events of their own and counts the others."""

    def __init__(self) -> None:
        self._room = ROOM
        self._groups: dict[tuple[bytes, bytes, bytes], _Group] = {}

    def admit(self, failed: Sequence[int]) -> Sequence[int]:
        """Return those of the failed requests, by their place, that are events of their own."""
        admitted = failed[: self._room]
        self._room -= len(admitted)
        return admitted

    def fold(self, columns: Columns, failed: Sequence[int]) -> None:
        """Count requests at these places by what they have in common."""
        places = failed if len(failed) < len(columns.status) else None
        kinds = zip(
            *(
                _at(places, column, len(failed))
                for column in (columns.status, columns.upstream_status, columns.request)
            ),
            strict=True,
        )
        last = failed[-1]
        for (status, upstream, asked), count in Counter(kinds).items():
            group = self._group((status, upstream, path_template(asked)))
            group.count += count
            group.time = columns.time[last] if columns.time else b""
            group.header_time = columns.header_time[last] if columns.header_time else b""

    def fold_unreadable(self, count: int) -> None:
        """Count lines that could not be read."""
        if count:
            self._group((b"", b"", b"")).count += count

    def flush(self) -> list[Failure]:
        """Begin a new second; return one failure a group of the last one."""
        groups, self._groups, self._room = self._groups, {}, ROOM
        return [_told(*key, group) for key, group in groups.items()]

    def _group(self, key: tuple[bytes, bytes, bytes]) -> _Group:
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= GROUPS:
                key = (key[0], b"", OTHERS)
            group = self._groups.setdefault(key, _Group())
        return group


def severity_of_status(status: bytes) -> tuple[Severity, str]:
    """Return how grave an answer is, and its signal."""
    if not status:
        return Severity.NOTICE, "unreadable"
    if status == b"499":
        return Severity.WARNING, "client_gave_up"
    return (Severity.NOTICE, "") if status < b"500" else (Severity.ERROR, "answered_5xx")


def answered_by(status: bytes, upstream_status: bytes, header_time: bytes) -> str:
    """Return who made an error, where the log tells: the proxy or the application."""
    if status < b"500" or not upstream_status:
        return ""
    return "proxy" if made_by_proxy(upstream_status, header_time) else "application"


def _at(places: Sequence[int] | None, column: Sequence[bytes], count: int) -> Sequence[bytes]:
    """Return what a column holds at these places, at all where none are named."""
    if not column:
        return (b"",) * count
    return column if places is None else [column[place] for place in places]


_templates: dict[bytes, bytes] = {}


def path_template(request: bytes) -> bytes:
    """Return the path of a request without its query, numbers and keys in it as ``N``."""
    template = _templates.get(request)
    if template is None:
        method, _, rest = request.partition(b" ")
        path = (rest or method).partition(b" ")[0].partition(b"?")[0][:200]
        template = _CHANGING.sub(b"N", path)
        if len(_templates) >= 4096:
            _templates.clear()
        if len(request) < 512:
            _templates[request] = template
    return template


def _told(status: bytes, upstream_status: bytes, path: bytes, group: _Group) -> Failure:
    """Say what a group of one second was."""
    fields = {
        "request": text_of(path),
        "status": text_of(status),
        "upstream_status": text_of(upstream_status),
        "by": answered_by(status, upstream_status, group.header_time),
        "time": text_of(group.time),
        "count": str(group.count),
    }
    what = f"{fields['status']} {fields['request']}" if status else "a line that cannot be read"
    return Failure(
        f"{what}: {group.count} more in this second",
        status,
        {name: value for name, value in fields.items() if value},
        group.count,
    )
