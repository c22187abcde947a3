"""What the process says to whoever started it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of ``run`` and ``demo``; a pipeline can act on each."""

    PASS = 0  #: every threshold held, on data that can be trusted
    FAIL = 1  #: a threshold failed
    USAGE = 2  #: the command line, the configuration or the locustfile is wrong; nothing was started
    INCONCLUSIVE = 3  #: something needed was blind, too short, or the generator was at its limit
    STOPPED = 4  #: the operator stopped the load before the plan ended
    SCENARIO = 5  #: the scenario itself broke while the load ran, or Rampdeck did: there is no verdict
