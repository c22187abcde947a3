"""The JSON record keeps to its schema, which says what every key is, and from which none goes away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator

from rampdeck.record.json import dumps, schema
from rampdeck.record.result import Result
from tests.record.made import results
from tests.record.scenes import SCENES

KEYS = Path(__file__).parent / "golden" / "keys.json"
SCHEMA: dict[str, Any] = json.loads(schema())
ADDED_TO = ("figures",)
"""Definitions that are part of larger ones, which have keys beside theirs."""


def closed(part: Any, name: str = "") -> Any:
    """The schema without its openness: a key that it does not describe is an error."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(value, key) for key, value in part.items()}
    if "properties" in part and "required" in part and name not in ADDED_TO:
        made["unevaluatedProperties"] = False
    if part.get("$ref") in {f"#/$defs/{other}" for other in ADDED_TO} and "title" in part:
        made["unevaluatedProperties"] = False
    return made


CLOSED = Draft202012Validator(closed(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(result: Result) -> list[str]:
    document = json.loads(dumps(result))
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in CLOSED.iter_errors(document)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SCENES)
def test_every_golden_record_keeps_to_it(name: str) -> None:
    assert faults(SCENES[name]()) == []


@given(results())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
def test_every_result_whatever_it_holds_keeps_to_it(result: Result) -> None:
    assert faults(result) == []


def test_a_record_with_its_own_sum_keeps_to_it_and_one_with_half_a_sum_does_not() -> None:
    document = json.loads(dumps(SCENES["passed"]()))
    assert CLOSED.is_valid(document | {"sha256": "0f" * 32})
    assert not CLOSED.is_valid(document | {"sha256": "0f"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("result",), "MAYBE"),
        (("steps", 0, "p95"), "132 ms"),
        (("steps", 0, "thresholds", 0, "state"), "green"),
        (("began",), "2026-11-22 12:21"),
        (("facts", 0, "start", "value"), 4),
        (("total", "percentiles", "all", "count"), None),
    ],
)
def test_what_is_no_record_is_refused(path: tuple[str | int, ...], value: object) -> None:
    document = json.loads(dumps(SCENES["passed"]()))
    part = document
    for key in path[:-1]:
        part = part[key]
    assert path[-1] in part
    part[path[-1]] = value
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_a_reader_of_this_schema_takes_keys_that_are_added_later() -> None:
    document = json.loads(dumps(SCENES["failed"]()))
    later = deepcopy(document) | {"mood": "good"}
    later["steps"][0]["mood"] = "good"
    assert Draft202012Validator(SCHEMA).is_valid(later)
    assert not CLOSED.is_valid(later)


def described(part: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every property of the schema with its path."""
    if isinstance(part, list):
        for one in part:
            yield from described(one, where)
    elif isinstance(part, dict):
        for key, value in part.get("properties", {}).items():
            yield f"{where}/{key}", value
        for key, value in part.items():
            inner = where if key in ("properties", "items", "$defs") else f"{where}/{key}"
            yield from described(value, inner)


def test_every_key_has_a_title_and_a_sentence() -> None:
    found = dict(described(SCHEMA))
    assert len(found) > 200
    silent = [
        path
        for path, value in found.items()
        if not (value.get("title") and value.get("description", "").endswith("."))
    ]
    assert silent == []


def kind(part: dict[str, Any]) -> str:
    """What a property may be, in a word."""
    if "$ref" in part:
        return str(part["$ref"])
    if "anyOf" in part:
        return " | ".join(kind(one) for one in part["anyOf"])
    if "enum" in part or "const" in part:
        return f"one of {part.get('enum', [part.get('const')])}"
    types = part["type"]
    name = types if isinstance(types, str) else " | ".join(types)
    return f"{name} of {kind(part['items'])}" if "items" in part else str(name)


def test_no_key_goes_away_or_becomes_something_else() -> None:
    """Keys that are new are taken over with RAMPDECK_GOLDEN=write, as golden records are."""
    now = {path: kind(value) for path, value in sorted(described(SCHEMA))}
    if os.environ.get("RAMPDECK_GOLDEN") == "write":
        before = json.loads(KEYS.read_text()) if KEYS.exists() else {}
        KEYS.write_text(json.dumps(now | before, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    kept = json.loads(KEYS.read_text())
    assert {path: now.get(path) for path in kept} == kept
    assert sorted(set(now) - set(kept)) == [], "new: take them over"
