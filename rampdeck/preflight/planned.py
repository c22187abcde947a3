"""How much the plan asks of the servers: users at once, requests a second."""

from __future__ import annotations

from dataclasses import dataclass

from rampdeck.errors import UsageError
from rampdeck.gate import grammar
from rampdeck.preflight.stack import Stack


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second that are to be made, and how that is known."""

    value: float
    whence: str

    def __str__(self) -> str:
        return f"{self.value:g}/s ({self.whence})"


def planned_rate(stack: Stack) -> Rate:
    """Return what the gate demands (``rps >= 40``), or else one request a second of each user at the peak.

    A guess that is right where users think for about a second; whoever plans
    otherwise says so by a threshold.
    """
    demanded = [limit for text in stack.settings.gate.thresholds or () if (limit := _demanded(text))]
    if demanded:
        return Rate(max(demanded), "the gate demands it")
    return Rate(float(stack.peak), f"one request a second of each of {stack.peak} users")


def _demanded(text: str) -> float:
    try:
        threshold = grammar.parse(text)
    except UsageError:  # of a source's metric, or wrong: whoever judges the thresholds tells
        return 0.0
    if threshold.metric != "rps" or threshold.name or threshold.operator not in (">", ">=", "=="):
        return 0.0
    return threshold.limit
