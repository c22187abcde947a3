"""The panes of sources: why one is not seen, when it is tried next, how old its figures are."""

from __future__ import annotations

from dataclasses import replace

from rampdeck.model import Health
from tui.drawing import Tone

from .conftest import Opened
from .fakes import FakeDeck
from .looking import body, repaint, source_pane
from .made import source, sources
from .views import VIEWS


async def test_a_kind_without_a_source_says_how_to_get_one(opened: Opened, deck: FakeDeck) -> None:
    deck.views = {kind: view for kind, view in VIEWS.items() if kind != "redis"}
    deck.now = replace(deck.now, sources=())
    async with opened() as pilot:
        for kind in ("redis", "postgres"):
            said = " ".join(body(source_pane(pilot, kind))).strip()
            assert said == f'no {kind} source configured: add [[collectors]] kind = "{kind}"'


async def test_a_blind_source_says_why_and_its_last_data_are_dimmed(opened: Opened, deck: FakeDeck) -> None:
    deck.now = replace(
        deck.now,
        sources=(
            source(
                "redis@cache-1",
                {"ops": 4_812.0, "hit_rate": 97.0},
                health=Health.BLIND,
                reason="cache-1 does not answer: connection refused. It is tried again in 4 s",
                age=63.0,
            ),
        ),
    )
    async with opened() as pilot:
        pane = source_pane(pilot, "redis")
        assert "connection refused" in pane.text
        assert "cache-1 ✖ 63" in pane.text
        figures = next(line for line in pane.lines if any("4\u2009812" in text for text, _ in line))
        assert {tone for text, tone in figures[1:-1] if text.strip()} == {Tone.MUTED}


async def test_a_blind_source_says_when_it_is_tried_next_without_jumping(
    opened: Opened, deck: FakeDeck
) -> None:
    blind = source("redis@cache-1", {}, health=Health.BLIND, reason="no answer, connection refused")
    async with opened() as pilot:
        pane = source_pane(pilot, "redis")
        shown = []
        for seconds in (10.0, 9.4, 0.2, 0.0, None):
            deck.now = replace(deck.now, sources=(replace(blind, next_try=seconds),))
            await repaint(pilot)
            shown.append([line.rstrip() for line in body(pane)])
        assert [lines[0].partition("refused")[2] for lines in shown] == [
            " · next try in 10 s", " · next try in 10 s", " · next try in 1 s", " · being tried", "",
        ]  # fmt: skip
        assert len({tuple(lines[1:]) for lines in shown}) == 1


async def test_a_reason_that_fills_its_line_has_the_next_try_below(opened: Opened, deck: FakeDeck) -> None:
    async with opened() as pilot:
        pane = source_pane(pilot, "redis")
        width, _ = pane.body_size
        reason = "x" * (width - 4)
        blind = source("redis@cache-1", {}, health=Health.BLIND, reason=reason)
        deck.now = replace(deck.now, sources=(replace(blind, next_try=6.3),))
        await repaint(pilot)
        assert [line.rstrip() for line in body(pane)[:2]] == [f"✖ {reason}", "  next try in 7 s"]


async def test_hosts_that_are_blind_for_the_same_reason_say_when_the_first_is_tried(
    opened: Opened, deck: FakeDeck
) -> None:
    blind = [
        replace(source(f"redis@{host}", {}, health=Health.BLIND, reason="refused"), next_try=seconds)
        for host, seconds in (("a", 8.0), ("b", 3.0), ("c", None))
    ]
    deck.now = replace(deck.now, sources=tuple(blind))
    async with opened() as pilot:
        assert body(source_pane(pilot, "redis"))[0].rstrip() == "✖ a, b, c: refused · next try in 3 s"


async def test_a_long_reason_is_wrapped(opened: Opened, deck: FakeDeck) -> None:
    reason = "the journal of gunicorn.service cannot be read: " + "add the user to systemd-journal " * 4
    deck.now = replace(deck.now, sources=(source("redis@c", {}, health=Health.ABSENT, reason=reason),))
    async with opened() as pilot:
        text = " ".join(" ".join(body(source_pane(pilot, "redis"))).split())
        assert text.startswith(f"○ {reason.strip()[:90]}")


async def test_stale_figures_are_dimmed_and_say_their_age(opened: Opened, deck: FakeDeck) -> None:
    old = tuple(replace(one, age=7.2) if one.info.kind == "postgres" else one for one in sources(754))
    deck.now = replace(deck.now, sources=old)
    async with opened() as pilot:
        pane = source_pane(pilot, "postgres")
        assert "db-1 ● 7\u2009s" in pane.text
        line = next(line for line in pane.lines if any("4121" in text for text, _ in line))
        assert Tone.BAD not in {tone for _, tone in line}


async def test_a_quiet_log_is_not_stale(opened: Opened, deck: FakeDeck) -> None:
    quiet = replace(source("gunicorn@app-1", {}, age=500.0), samples=0)
    deck.now = replace(deck.now, sources=(quiet,))
    async with opened() as pilot:
        assert "500" not in source_pane(pilot, "gunicorn").text
