"""The tables that say what the load is: scenario, steps, stages, workers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from rampdeck.config.model import Model, Seconds


class ScenarioConfig(Model):
    """``[scenario]``: the locustfile and what to run of it."""

    file: Path | None = None
    name: str = ""
    user_classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()


class LoadConfig(Model):
    """``[load]``: how the load is changed.

    ``step`` is what ``+`` and ``-`` add and take; above ``max_users`` the
    cockpit asks; after a change the figures settle for ``settle`` seconds
    before they count; users in the middle of a request get ``stop_timeout``
    seconds to end it. The auto-step raises by ``step`` too and measures each
    level for ``auto_hold`` seconds. ``target_users`` must be carried: headroom
    is counted from there, without it from the highest stage of the plan.
    """

    step: int = Field(10, ge=1)
    auto_hold: Seconds = 30.0
    target_users: int | None = Field(None, ge=1)
    spawn_rate: float = Field(5.0, gt=0)
    max_users: int = Field(1_000, ge=1)
    settle: Seconds = 5.0
    stop_timeout: Seconds = 10.0


class StageConfig(Model):
    """``[[stages]]``: one planned load level.

    A ``warmup`` stage fills caches and pools before anything counts: it is
    never measured, no threshold looks at it.
    """

    name: str
    users: int = Field(ge=0)
    hold: Seconds
    spawn_rate: float | None = Field(None, gt=0)
    ramp: Seconds | None = None
    warmup: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> StageConfig:
        if self.spawn_rate is not None and self.ramp is not None:
            raise ValueError("give spawn_rate or ramp, not both: each follows from the other")
        return self


class RemoteWorkers(Model):
    """``[[workers.remote]]``: workers on a host of ``[hosts]``, started over SSH.

    ``command`` starts one of ours there; where it is missing, plain ``locust``
    is taken. ``master_host`` is the cockpit's address seen from there; by
    default the one that our login came from.
    """

    host: str
    count: int = Field(1, ge=1)
    command: str = "rampdeck worker"
    master_host: str = ""


class WorkersConfig(Model):
    """``[workers]``: processes that make the load in place of the cockpit's own.

    ``local`` of them on this machine. To a remote host go the locustfiles and
    ``files``: modules and data that they need, in the same places beside them.
    """

    local: int = Field(0, ge=0)
    files: tuple[Path, ...] = ()
    remote: tuple[RemoteWorkers, ...] = ()
