"""The tables that say what must hold, and from where on nothing can be said."""

from __future__ import annotations

from pydantic import Field

from rampdeck.config.model import Model


class GateConfig(Model):
    """``[gate]``: what must hold; without ``thresholds``, what :func:`rampdeck.gate.defaults` says.

    ``warn_at``: per cent of a limit from which on a value is near it.
    """

    thresholds: tuple[str, ...] | None = None
    warn_at: float = Field(80.0, gt=0, le=100)


class GeneratorLimits(Model):
    """``[generator]``: from where on this machine itself is the limit and a load level is INCONCLUSIVE.

    ``delay`` (ms) and ``delay_percent`` (of p95) hold for the p95 of what the
    generator adds to a request, and only both together: 60 ms late is nothing
    to a user who waits 2 s for each answer, and 50 % of 4 ms is nothing to
    anybody. A user who is late by a quarter of the response time makes clearly
    fewer requests than asked for. ``lag`` (ms, p99 of the loop) takes their
    place where the kernel does not stamp the answers: then lateness is part of
    the response times. ``cpu`` is per cent of one core (Locust warns at the
    same), ``files`` of ``ulimit -n``, ``memory`` of the machine. ``littles_law``
    is the per cent of the users' time that neither their requests nor their
    waits explain; ``steal`` is per cent of this machine's processor that its
    hypervisor gave to others. A high value switches a limit off.
    """

    delay: float = Field(50.0, gt=0)
    delay_percent: float = Field(25.0, ge=0)
    lag: float = Field(50.0, gt=0)
    cpu: float = Field(90.0, gt=0)
    files: float = Field(90.0, gt=0)
    memory: float = Field(95.0, gt=0)
    littles_law: float = Field(25.0, gt=0)
    steal: float = Field(10.0, gt=0)


class TrustConfig(Model):
    """``[trust]``: ``steal``, per cent of a host's processor that its hypervisor may give to others."""

    steal: float = Field(10.0, gt=0)
