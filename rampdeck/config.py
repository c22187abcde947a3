"""``rampdeck.toml``: read, checked and frozen.

Unknown keys are refused, with the file, the key and the nearest one that
exists. Secrets are never in the file: they are named by an environment
variable or a file that holds them.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from rampdeck.errors import UsageError
from rampdeck.model import Stage
from rampdeck.secrets import know

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
M = TypeVar("M", bound=BaseModel)


def seconds(text: object) -> float:
    """Return a duration in seconds: ``"5m"``, ``"1h30m"``, ``"10s"``, ``"90"`` or a number.

    Raises :class:`ValueError` for anything else.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        value = float(text)
    elif isinstance(text, str) and text.strip() and (match := _DURATION.fullmatch(text.strip())):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        value = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError(f'"{text}" is no duration; write 30s, 5m or 1h30m')
    if value < 0:
        raise ValueError("a duration cannot be negative")
    return value


def _is_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+.*", text):
        raise ValueError(f'"{text}" is no address; write http://HOST or https://HOST')
    return text.rstrip("/")


Seconds = Annotated[float, BeforeValidator(seconds)]
Url = Annotated[str, AfterValidator(_is_url)]


class Model(BaseModel):
    """A table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetConfig(Model):
    """``[target]``: what the load goes to."""

    host: Url | None = None


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
    """``[[stages]]``: one planned load level."""

    name: str
    users: int = Field(ge=0)
    hold: Seconds
    spawn_rate: float | None = Field(None, gt=0)
    ramp: Seconds | None = None

    @model_validator(mode="after")
    def _one_of(self) -> StageConfig:
        if self.spawn_rate is not None and self.ramp is not None:
            raise ValueError("give spawn_rate or ramp, not both: each follows from the other")
        return self


class HostConfig(Model):
    """``[hosts.NAME]``: how to reach a host.

    What is not given comes from ``~/.ssh/config`` and the agent. ``address``
    defaults to the name. The host ``local`` is this machine and needs no table.
    ``jump`` is the host of this file that the way leads over. A password, and
    the passphrase of a key file, are asked for in the cockpit; where nobody can
    be asked, they come from an environment variable or a file.
    """

    address: str = ""
    user: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    identity_file: Path | None = None
    known_hosts: Path | None = None
    jump: str = ""
    password_env: str = ""
    password_file: Path | None = None
    passphrase_env: str = ""
    passphrase_file: Path | None = None
    local: bool = False
    connect_timeout: Seconds = 10.0


class Command(Model):
    """A command whose first line of output is a fact of the release."""

    command: str
    host: str = "local"


class ReleaseConfig(Model):
    """``[release]``: the facts of the decision record.

    Each is a text, or ``{ command = "...", host = "..." }`` to be asked for.
    What is not given is taken from what the stack says of itself; ``folder`` on
    ``host`` is where the release lies, as a git work tree or with a ``REVISION``.
    """

    folder: str = Field("", pattern=r"^(/.*)?$")
    host: str = "local"

    commit_sha: str | Command = ""
    image_tag: str | Command = ""
    gunicorn_workers: str | Command = ""
    nginx_config_version: str | Command = ""
    database_size_note: str | Command = ""
    notes: str = ""


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


class RecordConfig(Model):
    """``[record]``: where sessions and decision records go; one folder a session."""

    folder: Path = Path("rampdeck-sessions")


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


class ScreenConfig(Model):
    """``[screen]``: how the cockpit looks and which keys it takes."""

    theme: str = "rampdeck-dark"
    ascii: bool = False
    keys: Mapping[str, str] = Field(default_factory=dict)


class Config(Model):
    """The whole file. ``collectors`` are checked by the collector of their kind."""

    target: TargetConfig = TargetConfig()
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
        return _anchored(table, self._folder)

    def plan(self) -> tuple[Stage, ...]:
        """Return the stages with every spawn rate worked out from its ramp."""
        plan: list[Stage] = []
        users = 0
        for stage in self.stages:
            rate = stage.spawn_rate or self.load.spawn_rate
            if stage.ramp:
                rate = max(abs(stage.users - users) / stage.ramp, 0.01)
            plan.append(Stage(stage.name, stage.users, rate, stage.hold))
            users = stage.users
        return tuple(plan)


def load(path: Path) -> Config:
    """Read and check a configuration file; relative paths in it start at its folder.

    Raises :class:`UsageError` that names the file, the key and what to write.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}", error.strerror or str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML", str(error)) from None
    folder = path.resolve().parent
    config = _anchored(validate(Config, data, str(path)), folder)
    config._folder = folder
    return config


def validate(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """Check data against a model; ``where`` names its place for the message.

    Raises :class:`UsageError` with the first three defects, each with its key
    and, for an unknown key, the nearest one that exists.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        sentences = [_sentence(model, detail["loc"], detail["type"], detail["msg"]) for detail in details[:3]]
        if len(details) > 3:
            sentences.append(f"and {len(details) - 3} more")
        raise UsageError(where, "; ".join(sentences)) from None


def secret(variable: str, file: Path | None, what: str) -> str | None:
    """Return a secret from an environment variable or a file; ``None`` if neither is named.

    Raises :class:`UsageError` when it is named but cannot be had.
    """
    if variable:
        value = os.environ.get(variable)
        if value is None:
            raise UsageError(what, f"the environment variable {variable} is not set")
        know(value)
        return value
    if file is None:
        return None
    try:
        value = file.expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(what, f"cannot read {file}: {error.strerror}") from None
    know(value)
    return value


def nearest(word: str, known: Iterable[str], alike: float = 0.5) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word that is ``alike`` (0 to 1), or nothing."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=alike)
    return f'; did you mean "{found[0]}"?' if found else ""


def _sentence(model: type[BaseModel], location: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return f'unknown key "{key}"{nearest(str(location[-1]), known)}'
    return (
        f'"{key}": {message.removeprefix("Value error, ")}' if key else message.removeprefix("Value error, ")
    )


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys that the table at ``location`` knows."""
    here: type[BaseModel] = model
    for part in location:
        field = here.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        here = inner or here
    return tuple(here.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``tuple[StageConfig, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _anchored(table: M, folder: Path) -> M:
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
        return _anchored(value, folder)
    if isinstance(value, Mapping):
        return {key: _from(folder, inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_from(folder, inner) for inner in value)
    return value
