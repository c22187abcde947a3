"""Locust's CSV files from a session's requests alone, for ``rampdeck report --csv``.

They are those that ``--csv`` writes during a run, in Locust's layout
(:mod:`rampdeck.record.csv`): one line of history for each second that was recorded.
Locust's own spelling of an error is not in a session; its text stands there.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rampdeck.model import RequestBatch
from rampdeck.record import csv
from rampdeck.requests import RequestBook

PERCENTS = (50.0, 66.0, 75.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.9, 99.99, 100.0)
"""Locust's ``PERCENTILES_TO_REPORT``, as long as a locustfile sets no others."""
STATS, HISTORY, FAILURES, EXCEPTIONS = (
    "_stats.csv",
    "_stats_history.csv",
    "_failures.csv",
    "_exceptions.csv",
)
Raised = tuple[int, str, str, Sequence[str]]
"""How often the scenario raised something: count, message, traceback, nodes."""


def locust_csv(
    batches: Iterable[RequestBatch],
    *,
    full: bool = False,
    raised: Iterable[Raised] | None = None,
    percents: Sequence[float] = PERCENTS,
) -> dict[str, str]:
    """Return the files' texts by what comes behind the prefix in their names.

    ``full``: a line of history for each request name as well. ``raised`` is
    what the scenario's own code raised; where that is not known (``None``) there
    is no ``_exceptions.csv``: an empty one would say that nothing was raised.
    """
    book, medians, history = RequestBook(), csv.Medians(), io.StringIO()
    history.write(csv.history_head(percents))
    for batch in batches:
        book.add(batch, None)
        moment = csv.second(book, batch.at.utc, batch.users, medians, full=full)
        history.write(csv.history_csv([moment], percents))
    files = {
        STATS: csv.stats_csv(csv.totals(book.whole), percents),
        HISTORY: history.getvalue(),
        FAILURES: csv.failures_csv(csv.failures(book, {})),
    }
    if raised is not None:
        files[EXCEPTIONS] = csv.exceptions_csv(raised)
    return files
