"""Workers times threads against what PostgreSQL has left."""

from __future__ import annotations

import pytest

from rampdeck.preflight.application import Databases
from rampdeck.preflight.check import State
from rampdeck.preflight.checks import connections
from rampdeck.preflight.checks.connections import arithmetic

from ..looking import GUNICORN, POSTGRES, of, one


@pytest.mark.parametrize(
    ("workers", "threads", "elsewhere", "now", "comes_out"),
    [
        ("4", "1", "0", "0", State.OK),
        ("10", "8", "0", "0", State.WARNING),  # 80 of 97
        ("20", "5", "0", "0", State.FAILED),  # 100 of 97
        ("12", "6", "30", "30", State.FAILED),  # 72 and 30 of others
        ("4", "1", "0", "90", State.WARNING),  # 86 of them can only be somebody else's
        ("4", "1", "0", "4", State.OK),  # its own
    ],
)
async def test_what_is_wanted_and_taken_is_set_against_the_usable_slots(
    workers: str, threads: str, elsewhere: str, now: str, comes_out: State
) -> None:
    gunicorn = GUNICORN | {"gunicorn.workers": workers, "gunicorn.threads": threads}
    taken = {"postgres.connections_elsewhere": elsewhere, "postgres.connections": now}
    found = await one(arithmetic, of({"gunicorn": gunicorn, "postgres": POSTGRES | taken}))
    assert found.state is comes_out


async def test_the_sentence_has_the_whole_sum_and_the_fix_a_number() -> None:
    gunicorn = GUNICORN | {"gunicorn.workers": "20", "gunicorn.threads": "5"}
    reserved = {"postgres.reserved_connections": "2"}
    found = await one(arithmetic, of({"gunicorn": gunicorn, "postgres": POSTGRES | reserved}))
    assert found.found == (
        "100 wanted (gunicorn@local 20 workers x 5 threads), 0 taken by others, 95 of 100 usable; "
        "one database is assumed"
    )
    assert found.fix.endswith("max_connections = 130")


async def test_every_application_counts_and_an_event_loop_no_more_than_the_users() -> None:
    both = {"gunicorn": GUNICORN, "uvicorn": {"uvicorn.workers": "2"}, "postgres": POSTGRES}
    found = await one(arithmetic, of(both, peak=60))
    assert found.found.startswith("64 wanted")
    assert found.state is State.OK


async def test_databases_and_a_pool_of_the_application_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def given(_: object) -> Databases:
        return Databases(count=2, pool=15)

    monkeypatch.setattr(connections, "databases", given)
    found = await one(arithmetic, of({"gunicorn": GUNICORN, "postgres": POSTGRES}))
    assert found.found.startswith("120 wanted (gunicorn@local 4 workers x pool of 15 x 2 databases)")
    assert found.state is State.FAILED


async def test_what_is_not_known_is_not_assumed() -> None:
    unknown = GUNICORN | {"gunicorn.threads": "cpu_count()", "gunicorn.worker_class": "gthread"}
    found = await one(arithmetic, of({"gunicorn": unknown, "postgres": POSTGRES}))
    assert found.state is State.UNKNOWN
    assert (await one(arithmetic, of({"gunicorn": GUNICORN}))).state is State.SKIPPED
    blind = of({"gunicorn": GUNICORN, "postgres": "no"}, blind={"postgres": "nothing listens there"})
    assert (await one(arithmetic, blind)).state is State.SKIPPED
