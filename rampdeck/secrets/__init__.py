"""Secrets: told by their shape and by their value, and taken out where text comes in."""

from __future__ import annotations

from rampdeck.secrets.known import (
    know,
    know_arguments,
    know_environment,
    may_hold,
    redact,
    redact_again,
    redact_arguments,
    redact_values,
)

__all__ = [
    "know",
    "know_arguments",
    "know_environment",
    "may_hold",
    "redact",
    "redact_again",
    "redact_arguments",
    "redact_values",
]
