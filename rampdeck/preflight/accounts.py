"""The test accounts: of a CSV file, or the one of the environment. No password is ever told."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rampdeck.errors import UsageError
from rampdeck.preflight.stack import Stack
from rampdeck.secrets import know

HEADER = "it needs the header username,password and a line for each account"


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in."""

    username: str
    password: str = field(repr=False)


def accounts(stack: Stack) -> tuple[Account, ...]:
    """Return the accounts that the preflight, or else the scenario, names; none where nobody names any.

    Raises :class:`UsageError` for a file that is named and has none.
    """
    login = stack.settings.preflight.login
    if file := (login and login.accounts) or stack.scenario.accounts:
        return _of_file(file.expanduser())
    username, password = os.environ.get("RAMPDECK_USERNAME"), os.environ.get("RAMPDECK_PASSWORD")
    if not username or not password:
        return ()
    know(password)
    return (Account(username, password),)


def some(known: Sequence[Account]) -> tuple[Account, ...]:
    """Return the first, the middle and the last one: a file may be of another database from a line on."""
    return tuple(dict.fromkeys((known[0], known[len(known) // 2], known[-1])))


def _of_file(file: Path) -> tuple[Account, ...]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the test accounts in {file}", str(error)) from None
    found = tuple(
        Account(row["username"], row["password"])
        for row in rows
        if row.get("username") and row.get("password")
    )
    if not found:
        raise UsageError(f"no test account in {file}", HEADER)
    for account in found:
        know(account.password)
    return found
