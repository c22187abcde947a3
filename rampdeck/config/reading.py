"""Reading and checking the file, and the secrets that it names.

Unknown keys are refused, with the file, the key and the nearest one that
exists. Secrets are never in the file: they are named by an environment
variable or a file that holds them.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from rampdeck.config.file import Config, anchored
from rampdeck.errors import UsageError
from rampdeck.secrets import know

M = TypeVar("M", bound=BaseModel)


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
    config = anchored(validate(Config, data, str(path)), folder)
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
