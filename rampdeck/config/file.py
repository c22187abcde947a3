"""The whole file, as one frozen table of tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, PrivateAttr

from rampdeck.config.hosts import HostConfig, ReleaseConfig
from rampdeck.config.judging import GateConfig, GeneratorLimits, TrustConfig
from rampdeck.config.load import LoadConfig, ScenarioConfig, StageConfig, WorkersConfig
from rampdeck.config.model import Model
from rampdeck.config.staging import (
    DjangoConfig,
    GuardConfig,
    PreflightConfig,
    TargetConfig,
    ThirdParty,
)
from rampdeck.model import Stage

M = TypeVar("M", bound=BaseModel)


class RecordConfig(Model):
    """``[record]``: where sessions and decision records go; one folder a session."""

    folder: Path = Path("rampdeck-sessions")


class ScreenConfig(Model):
    """``[screen]``: how the cockpit looks and which keys it takes."""

    theme: str = "rampdeck-dark"
    ascii: bool = False
    keys: Mapping[str, str] = Field(default_factory=dict)


class Config(Model):
    """The whole file. ``collectors`` are checked by the collector of their kind."""

    target: TargetConfig = TargetConfig()
    guard: GuardConfig = GuardConfig()
    django: DjangoConfig = DjangoConfig()
    preflight: PreflightConfig = PreflightConfig()
    third_parties: tuple[ThirdParty, ...] = ()
    scenario: ScenarioConfig = ScenarioConfig()
    load: LoadConfig = LoadConfig()
    stages: tuple[StageConfig, ...] = ()
    gate: GateConfig = GateConfig()
    hosts: Mapping[str, HostConfig] = Field(default_factory=dict)
    collectors: tuple[Mapping[str, Any], ...] = ()
    release: ReleaseConfig = ReleaseConfig()
    generator: GeneratorLimits = GeneratorLimits()
    trust: TrustConfig = TrustConfig()
    record: RecordConfig = RecordConfig()
    workers: WorkersConfig = WorkersConfig()
    screen: ScreenConfig = ScreenConfig()
    _folder: Path = PrivateAttr(default_factory=Path)

    def anchored(self, table: M) -> M:
        """Return a collector's table with its relative paths starting at this file's folder."""
        return anchored(table, self._folder)

    def plan(self) -> tuple[Stage, ...]:
        """Return the stages with every spawn rate worked out from its ramp."""
        plan: list[Stage] = []
        users = 0
        for stage in self.stages:
            rate = stage.spawn_rate or self.load.spawn_rate
            if stage.ramp:
                rate = max(abs(stage.users - users) / stage.ramp, 0.01)
            plan.append(Stage(stage.name, stage.users, rate, stage.hold, stage.warmup))
            users = stage.users
        return tuple(plan)


def anchored(table: M, folder: Path) -> M:
    """Return a table with its relative paths made absolute, those of the tables in it too.

    What holds a :class:`Path` is a file on this machine; a path on a host is text.
    """
    before = {name: getattr(table, name) for name in type(table).model_fields}
    after = {name: _from(folder, value) for name, value in before.items()}
    return table.model_copy(update={name: after[name] for name in after if after[name] != before[name]})


def _from(folder: Path, value: object) -> object:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        return anchored(value, folder)
    if isinstance(value, Mapping):
        return {key: _from(folder, inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_from(folder, inner) for inner in value)
    return value
