"""Results that nobody thought of: every field of every part, made from its type."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from rampdeck.facts import FactPair
from rampdeck.record.groundwork import STATES, CheckResult
from rampdeck.record.result import ErrorResult, LogResult, Result, StepResult
from rampdeck.record.settings import Settings

WORDS = st.text(max_size=20) | st.sampled_from(
    ["p95 < 800ms", "@all | `x`", "#1 <b>", "\x1b[31m\x00\udcff", "a\\|"]
)
NUMBERS = st.integers(0, 100_000)
MEASURES = st.floats(0, 4e9)
SPECIAL: Mapping[tuple[type, str], st.SearchStrategy[Any]] = {
    (StepResult, "number"): st.integers(1, 500),
    (ErrorResult, "count"): st.integers(1, 500),
    (LogResult, "count"): st.integers(1, 500),
    (Settings, "tables"): st.dictionaries(
        WORDS,
        st.recursive(
            st.none() | st.booleans() | NUMBERS | MEASURES | WORDS,
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
            max_leaves=4,
        ),
        max_size=2,
    ),
    (CheckResult, "state"): st.sampled_from(STATES),
    (Result, "session_sha256"): st.sampled_from(["", "0a" * 32]),
}
"""What a type does not say."""


def results() -> st.SearchStrategy[Result]:
    """Results whose levels are numbered, as levels are."""
    return _of(Result).map(_numbered)


def _numbered(result: Result) -> Result:
    steps = (dataclasses.replace(step, number=place) for place, step in enumerate(result.steps, 1))
    return dataclasses.replace(result, steps=tuple(steps))


def _of(hint: Any) -> st.SearchStrategy[Any]:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_of(part) for part in parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(_of(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(_of(part) for part in parts))
    if origin is Mapping:
        return st.dictionaries(_of(parts[0]), _of(parts[1]), max_size=2)
    if dataclasses.is_dataclass(hint):
        return _parts(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    plain = {str: WORDS, int: NUMBERS, float: MEASURES, bool: st.booleans(), type(None): st.none()}
    return plain[hint] if hint in plain else {Path: st.just(Path("s/session.sqlite"))}[hint]


def _parts(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    given = {field.name: _field(kind, field.name, hints[field.name]) for field in dataclasses.fields(kind)}
    made = st.builds(kind, **given)
    return made.filter(lambda pair: pair.start or pair.end) if kind is FactPair else made


def _field(kind: Any, name: str, hint: Any) -> st.SearchStrategy[Any]:
    if (kind, name) in SPECIAL:
        return SPECIAL[kind, name]
    if name == "error_rate":
        return st.none() | st.floats(0, 1)
    if name == "operator":
        return st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    if name in ("severity", "state") and hint is str:
        return st.sampled_from(["live", "blind"] if name == "state" else ["error", "warning"])
    return _of(hint)
