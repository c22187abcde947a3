"""Whether the settings are those of a stored baseline, and the storing of one."""

from __future__ import annotations

from pathlib import Path

from rampdeck.errors import SourceError
from rampdeck.preflight.check import Found, check, failed, ok, skipped
from rampdeck.preflight.checks.django import listed
from rampdeck.preflight.django import asking
from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.application import NOBODY, NOBODY_FIX, PATIENCE, fix_of, judged, where
from rampdeck.preflight.django.baseline import Baseline, compared, ignored
from rampdeck.preflight.stack import Stack


@check(
    "django.baseline",
    "Settings are as in production",
    expected="the settings are those of the baseline, but for [preflight] ignore",
    why="What is set otherwise than in production, be it a pool or a cache, is another system under load.",
    effect="The figures are of a stack that is not like production.",
    patience=PATIENCE,
)
async def baseline(stack: Stack) -> Found:
    """List what has drifted; of secrets only that they differ, or that staging has production's."""
    path = stack.settings.preflight.baseline
    if path is None:
        return skipped(
            "there is no baseline",
            "rampdeck preflight --save-baseline production.json where all is as in production, "
            'then [preflight] baseline = "production.json"',
        )
    stored = Baseline.load(path)

    def compare(stack: Stack, answer: Answer) -> Found:
        return _compared(stack, answer, stored)

    return await judged(stack, compare)


def _compared(stack: Stack, answer: Answer, stored: Baseline) -> Found:
    ignore = stack.settings.preflight.ignore
    of_production = stored.of_production(stack.settings.target.environment)
    drift = stored.drift(answer, ignore, secrets=not of_production)
    shared = stored.shared(answer, ignore) if of_production else []
    whose = f"the baseline of {stored.environment or 'an environment without a name'}, {stored.saved[:10]}"
    said = [f"production's own secret is in {listed(shared)}"] if shared else []
    if drift:
        said.append(f"{len(drift)} differ{'s' * (len(drift) == 1)}: {_listed(list(map(str, drift)))}")
    if said:
        first = drift[0].path if drift else shared[0]
        fix = f'Set it as there, or say that it may differ: [preflight] ignore = ["{first}"]'
        return failed(f"{'; '.join(said)} ({whose})", fix)
    number = sum(not ignored(name, ignore) for name in compared(answer))
    left_out = f", but for {len(ignore)} that [preflight] ignore names" if ignore else ""
    return ok(f"{number} settings are as in {whose}{left_out}")


def _listed(lines: list[str], most: int = 12) -> str:
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more


async def save_baseline(stack: Stack, path: Path) -> Baseline:
    """Ask the application and write its settings as a baseline, without what may differ, for its owner only.

    Raises :class:`RampdeckError` where it cannot be asked, or the file not be written.
    """
    place = await stack.ask(where)
    if place is None:
        raise SourceError("there is no application to ask", NOBODY, NOBODY_FIX)
    wanted = asking.Wanted()
    answer = await asking.ask(stack.hosts.remote(place.host), place, wanted)
    if not answer.loaded:
        raise SourceError(
            "the application's settings cannot be had", answer.problem("settings"), fix_of(answer)
        )
    preflight, target = stack.settings.preflight, stack.settings.target
    made = Baseline.of(answer, wanted.salt, target.environment, preflight.ignore)
    made.save(path)
    return made


CHECKS = (baseline,)
