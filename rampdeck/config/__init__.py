"""``rampdeck.toml``: read, checked and frozen."""

from rampdeck.config.file import Config, RecordConfig, ScreenConfig
from rampdeck.config.hosts import Command, HostConfig, ReleaseConfig
from rampdeck.config.judging import GateConfig, GeneratorLimits, TrustConfig
from rampdeck.config.load import LoadConfig, RemoteWorkers, ScenarioConfig, StageConfig, WorkersConfig
from rampdeck.config.model import Model, Seconds, Url, seconds
from rampdeck.config.reading import load, nearest, secret, validate
from rampdeck.config.staging import (
    DjangoConfig,
    GuardConfig,
    LoginConfig,
    PreflightConfig,
    TargetConfig,
    ThirdParty,
)

__all__ = [
    "Command",
    "Config",
    "DjangoConfig",
    "GateConfig",
    "GeneratorLimits",
    "GuardConfig",
    "HostConfig",
    "LoadConfig",
    "LoginConfig",
    "Model",
    "PreflightConfig",
    "RecordConfig",
    "ReleaseConfig",
    "RemoteWorkers",
    "ScenarioConfig",
    "ScreenConfig",
    "Seconds",
    "StageConfig",
    "TargetConfig",
    "ThirdParty",
    "TrustConfig",
    "Url",
    "WorkersConfig",
    "load",
    "nearest",
    "seconds",
    "secret",
    "validate",
]
