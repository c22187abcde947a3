"""A shop's day in one file: visitors, and customers who log in and order.

What the demo runs. Accounts as in ``authenticated.py``::

    locust -f scenarios/shop.py --host https://staging.example.com --users-csv users.csv
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from locust import task


def _sibling(name: str) -> ModuleType:
    """Load a scenario of this folder by its path.

    Not by ``import``: a project under test may own modules of the same name.
    """
    spec = importlib.util.spec_from_file_location(
        f"_rampdeck_scenario_{name}", Path(__file__).resolve().with_name(f"{name}.py")
    )
    assert spec is not None and spec.loader is not None, "a .py file always has both"  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


_browse, _authenticated = _sibling("browse"), _sibling("authenticated")


class ShopVisitor(_browse.Visitor):  # type: ignore[misc, name-defined]
    """Two of five look around only."""

    weight = 2


class ShopCustomer(_authenticated.Customer):  # type: ignore[misc, name-defined]
    """Three of five have an account, and ask for the slow report rarely."""

    weight = 3

    @task(1)
    def report(self) -> None:
        """Ask for the report."""
        self.page("/report/")
