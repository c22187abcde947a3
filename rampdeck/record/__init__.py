"""The decision record: what came of a session, for a person and for a program.

:func:`conclude` makes the :class:`Result` of a run, :func:`write` puts it into
the session's folder as ``record.md`` and ``record.json``. :func:`junit`, :func:`summary` and
:func:`locust_csv` write what pipelines read.
"""

from __future__ import annotations

from rampdeck.record.conclude import conclude, draft
from rampdeck.record.junit import junit
from rampdeck.record.locustcsv import locust_csv
from rampdeck.record.markdown import markdown
from rampdeck.record.outcome import Outcome
from rampdeck.record.result import RecordFields, Result
from rampdeck.record.summary import summary
from rampdeck.record.write import write, write_json

__all__ = [
    "Outcome",
    "RecordFields",
    "Result",
    "conclude",
    "draft",
    "junit",
    "locust_csv",
    "markdown",
    "summary",
    "write",
    "write_json",
]
