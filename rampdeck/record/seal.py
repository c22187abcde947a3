"""The record's own sha256, by which ``rampdeck report --verify`` tells whether anybody changed it.

It is that of the record as canonical JSON, without the key ``sha256`` itself:
keys sorted, no blanks, everything beyond ASCII escaped. In Python::

    document = json.load(open("record.json"))
    said = document.pop("sha256")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == said
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "sha256"
"""Where it stands in the record."""
SESSION = "session_sha256"
"""Where that of the session file stands."""


def digest(document: Mapping[str, Any]) -> str:
    """Return the sha256 of a record, whether it is sealed or not."""
    rest = {key: value for key, value in document.items() if key != KEY}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its sha256 as the last key."""
    return {**document, KEY: digest(document)}
