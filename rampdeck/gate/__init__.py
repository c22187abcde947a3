"""The gate: what must hold, whether it does, and the verdict.

:func:`parse` reads a threshold, :class:`Gate` judges the thresholds of a
session while it goes on, :func:`judge` says PASS, FAIL or INCONCLUSIVE and why.
"""

from __future__ import annotations

from rampdeck.gate.defaults import defaults
from rampdeck.gate.evaluate import Gate, Turned
from rampdeck.gate.grammar import Threshold, parse, parse_all
from rampdeck.gate.verdict import judge

__all__ = ["Gate", "Threshold", "Turned", "defaults", "judge", "parse", "parse_all"]
