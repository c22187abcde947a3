"""Can this run be trusted? What was blind, missing, changed or taken away while it was measured."""

from rampdeck.trust.watch import LATE, Trust

__all__ = ["LATE", "Trust"]
