"""The order in which the sources of a host begin."""

from __future__ import annotations

import asyncio

import pytest

from rampdeck.remote import turns as module
from rampdeck.remote.turns import Turns


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is passed over because this machine is slow."""
    monkeypatch.setattr(module, "SETTLE", 1000.0)


async def begin(turns: Turns, rank: int, begun: list[int], end: asyncio.Event | None = None) -> None:
    with await turns.take(rank):
        begun.append(rank)
        if end:
            await end.wait()


async def test_all_who_are_woken_together_begin_in_their_order() -> None:
    turns, begun = Turns(), list[int]()
    await asyncio.gather(*(begin(turns, rank, begun) for rank in (3, 1, 0, 2)))
    assert begun == [0, 1, 2, 3]


async def test_one_begins_when_the_one_before_has_settled() -> None:
    turns, begun = Turns(), list[int]()
    first = await turns.take(0)
    second = asyncio.create_task(begin(turns, 1, begun))
    await asyncio.sleep(0.05)
    assert begun == []
    first.over()
    await second
    assert begun == [1]


async def test_after_an_outage_nobody_waits_for_another() -> None:
    turns, begun = Turns(), list[int]()
    await asyncio.gather(*(begin(turns, rank, begun) for rank in range(3)))
    slow = await turns.take(0)
    async with asyncio.timeout(60):
        await begin(turns, 1, begun)
    slow.over()
    assert begun == [0, 1, 2, 1]


async def test_a_host_that_gave_too_few_sessions_is_begun_on_in_the_order_each_time() -> None:
    turns, begun = Turns(), list[int]()
    await asyncio.gather(*(begin(turns, rank, begun) for rank in range(2)))
    turns.short()
    first = await turns.take(0)
    second = asyncio.create_task(begin(turns, 1, begun))
    await asyncio.sleep(0.05)
    assert begun == [0, 1]
    first.over()
    await second
    assert begun == [0, 1, 1]


async def test_one_who_neither_reads_nor_fails_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SETTLE", 0.05)
    turns, begun = Turns(), list[int]()
    await turns.take(0)
    async with asyncio.timeout(60):
        await begin(turns, 1, begun)
    assert begun == [1]


async def test_who_comes_late_and_ranks_first_is_next() -> None:
    turns, begun = Turns(), list[int]()
    first = await turns.take(5)
    others = [asyncio.create_task(begin(turns, rank, begun)) for rank in (7, 6)]
    await asyncio.sleep(0)
    others.append(asyncio.create_task(begin(turns, 1, begun)))
    await asyncio.sleep(0)
    first.over()
    await asyncio.gather(*others)
    assert begun == [1, 6, 7]


@pytest.mark.parametrize("granted", [False, True])
async def test_one_who_no_longer_waits_is_passed_over(granted: bool) -> None:
    turns, begun = Turns(), list[int]()
    first = await turns.take(0)
    gone = asyncio.create_task(begin(turns, 1, begun))
    last = asyncio.create_task(begin(turns, 2, begun))
    await asyncio.sleep(0)
    if granted:
        first.over()
    gone.cancel()
    first.over()
    async with asyncio.timeout(60):
        await last
    assert begun == [2]


async def test_a_turn_that_is_over_twice_gives_one_more_only() -> None:
    turns, begun = Turns(), list[int]()
    first = await turns.take(0)
    end = asyncio.Event()
    tasks = [asyncio.create_task(begin(turns, rank, begun, end)) for rank in (1, 2)]
    await asyncio.sleep(0)
    first.over()
    first.over()
    await asyncio.sleep(0.01)
    assert begun == [1]
    end.set()
    await asyncio.gather(*tasks)
    assert begun == [1, 2]


async def test_one_who_reads_may_open_all_that_it_reads_from_before_the_next_one_begins() -> None:
    turns, begun = Turns(), list[int]()
    first = await turns.take(0)
    second = asyncio.create_task(begin(turns, 1, begun))
    first.settled()
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == []
    async with asyncio.timeout(60):
        await second
    assert begun == [1]
