"""From what failed, what could not be judged and what is in doubt to one word and its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from rampdeck.snapshot import Verdict

NO_THRESHOLDS = "there are no thresholds, so nothing was judged"
ONLY_WARNINGS = "no threshold decides, all of them only warn, so nothing was judged"


def judge(
    failed: Sequence[str],
    unknown: Sequence[str],
    doubts: Sequence[str] = (),
    tainted: Sequence[str] = (),
    certain: Sequence[str] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons as sentences, the decisive ones first.

    ``doubts`` say what was missing (a blind source, too short a level): they
    take a PASS away, but a failure stays one. ``tainted`` says why the request
    figures themselves are not to be trusted (the generator at its limit): then
    what ``failed`` by them has not failed for certain. What failed by what a
    server said of itself has (``certain``). What is ``unknown`` never passes.
    """
    if certain or (failed and not tainted):
        return Verdict.FAIL, (*certain, *tainted, *failed, *unknown, *doubts)
    reasons = (*tainted, *failed, *unknown, *doubts)
    if reasons:
        return Verdict.INCONCLUSIVE, reasons
    return Verdict.PASS, ()
