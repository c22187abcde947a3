"""The scenario can make load, and what must hold can be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rampdeck.errors import UsageError
from rampdeck.gate import Threshold, defaults, parse
from rampdeck.gate.sources import kind_of, selects
from rampdeck.gate.threshold import Kind
from rampdeck.model import SourceInfo
from rampdeck.preflight.check import Definition, Found, check, failed, ok, warning
from rampdeck.preflight.stack import Stack
from rampdeck.remote.hosts import LOCAL
from rampdeck.workers.crew import Crew

GATE = "the gate"


@check(
    "scenario.loads",
    "Scenario loads",
    expected="it can be imported, and every user class has something to do",
    why="Without a scenario there is no load.",
    effect="There is no run.",
)
async def loads(stack: Stack) -> Found:
    """Say what the scenario is made of."""
    scenario = stack.scenario
    where = Path(scenario.files[0]).name if scenario.files else "the scenario"
    if scenario.problem:
        fix = "Mend the locustfile, or name another with -f FILE or [scenario] file"
        return failed(scenario.problem, fix, where)
    idle = [name for name, tasks in scenario.tasks.items() if not tasks]
    if idle:
        fix = "Give it a method with @task, or leave the class out"
        return failed(f"{' and '.join(idle)}: no task", fix, where)
    classes = ", ".join(f"{name} ({_many(tasks, 'task')})" for name, tasks in scenario.tasks.items())
    return ok(f"{classes}; {_course(stack)}", where)


def _course(stack: Stack) -> str:
    """Return what drives the load."""
    if stack.scenario.shape:
        return "its shape drives the load"
    if not stack.plan:
        return "the load is raised by hand"
    return f"{_many(len(stack.plan), 'stage')} up to {_many(stack.peak, 'user')}"


@check(
    "gate.thresholds",
    "Thresholds can be judged",
    expected="every threshold can be read, and a source delivers what it judges",
    why="What is not judged cannot fail, so it cannot pass either.",
    effect="The verdict is INCONCLUSIVE where a threshold that decides has no data.",
)
async def thresholds(stack: Stack) -> list[Found]:
    """Read every threshold, and look who would deliver its figures."""
    texts = given = stack.settings.gate.thresholds
    if texts is None:
        texts = defaults({source.info.kind for source in stack.sources if not source.absent})
    found = [one for one in (_unfit(stack, text) for text in texts) if one is not None]
    if found:
        return found
    if not texts:
        return [warning("nothing must hold", 'Say what must: [gate] thresholds = ["p95 < 800ms"]', GATE)]
    whose = "the usual ones: " if given is None else ""
    return [ok(f"{whose}{', '.join(texts)}", GATE)]


def _unfit(stack: Stack, text: str) -> Found | None:
    """Return what is wrong with one threshold, if anything is."""
    try:
        threshold = parse(text, stack.metrics, _stages(stack), list(_infos(stack)))
    except UsageError as error:
        return failed(error.why or error.what, error.fix or "Mend it in [gate] thresholds", GATE)
    if threshold.kind is not Kind.SOURCE:
        return None
    chosen = [source for source in stack.sources if selects(threshold, source.info)]
    if any(not source.absent for source in chosen) or kind_of(threshold) == Crew.kind:
        return None
    return _without_source(threshold, [source.absent for source in chosen])


def _without_source(threshold: Threshold, absent: Sequence[str]) -> Found:
    kind = kind_of(threshold)
    why = f"{kind} is left out, {absent[0]}" if absent else f"there is no {kind}"
    fix = f'[[collectors]] kind = "{kind}", or take the threshold out'
    return warning(f"“{threshold.expression}” has no source: {why}", fix, GATE)


def _stages(stack: Stack) -> list[str]:
    return [stage.name for stage in (*stack.settings.plan(), *stack.plan) if not stage.warmup]


def _infos(stack: Stack) -> Iterator[SourceInfo]:
    """Yield the sources of a run, also the workers, which are there only in one."""
    yield from (source.info for source in stack.sources)
    here = any(source.info.kind == Crew.kind for source in stack.sources)
    if not here and any(name.startswith(f"{Crew.kind}.") for name in stack.metrics):
        yield SourceInfo(f"{Crew.kind}@{LOCAL}", Crew.kind, LOCAL)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


CHECKS: tuple[Definition, ...] = (loads, thresholds)
