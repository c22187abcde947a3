"""What runs is compared with what is to be released, and the processes with their files."""

from __future__ import annotations

import pytest

from rampdeck.preflight.check import State
from rampdeck.preflight.checks.release import candidate
from rampdeck.preflight.stack import Stack

from ..looking import GUNICORN, looked, of, process

SHA = "8f3c1d2e9a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d"
FOLDER = {"[release] folder": {"release.folder": "/srv/app", "release.commit": SHA}}


def staging(wanted: dict[str, str], changed: str = "", seen: str = "", **more: str) -> Stack:
    folder = dict(FOLDER["[release] folder"]) | ({"release.changed": changed} if changed else {}) | more
    gunicorn = GUNICORN | {"gunicorn.master_pid": "7", "gunicorn.worker_pids": "8, 9"}
    return of(
        {"gunicorn": gunicorn},
        deployed={"[release] folder": folder},
        seen=seen,
        preflight=wanted,
        release={"folder": "/srv/app"},
    )


@pytest.mark.parametrize("wanted", [SHA, SHA[:7], SHA[:12].upper()])
async def test_the_commit_may_be_named_short_or_long(wanted: str) -> None:
    (found,) = await looked(candidate, staging({"commit": wanted}))
    assert (found.state, found.found, found.host) == (State.OK, f"{SHA} runs", "[release] commit")


async def test_another_commit_is_refused_with_both_ways_out() -> None:
    (found,) = await looked(candidate, staging({"commit": "deadbeef"}))
    assert (found.state, found.found) == (State.FAILED, f"{SHA} runs")
    assert found.fix == f"Deploy deadbeef, or test what runs: --commit {SHA}"
    assert found.expected == "deadbeef"


async def test_six_digits_name_no_commit() -> None:
    (found,) = await looked(candidate, staging({"commit": SHA[:6]}))
    assert found.state is State.FAILED


async def test_nothing_expected_names_what_runs() -> None:
    (found,) = await looked(candidate, staging({}))
    assert (found.state, SHA in found.found) == (State.WARNING, True)
    assert found.fix.startswith(f"--commit {SHA}")


async def test_changes_of_its_own_are_not_the_candidate() -> None:
    dirty = {"release.uncommitted": "M shop/settings.py"}
    checks = await looked(candidate, staging({"commit": SHA}, **dirty))
    assert [check.state for check in checks] == [State.OK, State.FAILED]
    assert "M shop/settings.py" in checks[1].found


@pytest.mark.parametrize(
    ("expected", "image", "fits"),
    [
        ("shop:1.4", "registry.example.com/shop:1.4", True),
        ("1.4", "registry.example.com/shop:1.4", True),
        ("registry.example.com/shop:1.4", "registry.example.com/shop:1.4", True),
        ("sha256:ab", "shop:1.4", True),
        ("shop:1.5", "shop:1.4", False),
        ("op:1.4", "shop:1.4", False),
        ("shop:1.4", "shop:1.4, shop:1.3", False),
    ],
)
async def test_an_image_may_be_named_by_its_name_its_tag_or_its_hash(
    expected: str, image: str, fits: bool
) -> None:
    facts = GUNICORN | {"gunicorn.image": image, "gunicorn.image_id": "sha256:abcd"}
    (found,) = await looked(candidate, of({"gunicorn": facts}, preflight={"image": expected}))
    assert found.state is (State.OK if fits else State.FAILED)


async def test_what_nobody_tells_is_unknown() -> None:
    (found,) = await looked(candidate, of({"gunicorn": GUNICORN}, preflight={"commit": SHA}))
    assert (found.state, found.found) == (State.UNKNOWN, "nothing tells which commit runs")


async def test_a_worker_that_is_older_than_its_files_is_told() -> None:
    """The arbiter may be older: without preload_app each worker reads the code itself."""
    seen = process(7, 10) + process(8, 500) + process(9, 700)
    changed = "2001-09-09 01:56:40 UTC"  # second 600 after the boot
    checks = await looked(candidate, staging({"commit": SHA}, changed, seen))
    assert [check.state for check in checks] == [State.OK, State.FAILED]
    assert checks[1].found == (
        f"the files are of {SHA[:12]} since 2001-09-09 01:56 UTC, but a process was started before, "
        "2001-09-09 01:55 UTC"
    )
    assert checks[1].fix == "sudo systemctl restart gunicorn.service"
    after = process(7, 10) + process(8, 700) + process(9, 700)
    checks = await looked(candidate, staging({"commit": SHA}, changed, after))
    assert [check.state for check in checks] == [State.OK, State.OK]


async def test_with_preload_the_arbiter_counts() -> None:
    seen = process(7, 10) + process(8, 700)
    facts = GUNICORN | {
        "gunicorn.preload_app": "True",
        "gunicorn.master_pid": "7",
        "gunicorn.worker_pids": "8",
    }
    folder = {"release.commit": SHA, "release.changed": "2001-09-09 01:56:40 UTC"}
    there = of(
        {"gunicorn": facts},
        deployed={"[release] folder": folder},
        seen=seen,
        preflight={"commit": SHA},
        release={"folder": "/srv/app"},
    )
    assert [check.state for check in await looked(candidate, there)] == [State.OK, State.FAILED]
