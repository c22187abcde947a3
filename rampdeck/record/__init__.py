"""The decision record: what came of a session, for a person and for a program.

:func:`conclude` makes the :class:`Result` of a run, :func:`write` puts it into
the session's folder as ``record.md`` and ``record.json``.
"""

from __future__ import annotations

from rampdeck.record.conclude import conclude, draft
from rampdeck.record.facts import gather, unanswered
from rampdeck.record.markdown import markdown
from rampdeck.record.result import RecordFields, Result
from rampdeck.record.write import write, write_json

__all__ = [
    "RecordFields",
    "Result",
    "conclude",
    "draft",
    "gather",
    "markdown",
    "unanswered",
    "write",
    "write_json",
]
