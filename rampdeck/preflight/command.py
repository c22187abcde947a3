"""``rampdeck preflight``: what a run would see of the stack, looked at without a run and without load.

It is prepared as a run is, reads the same sources and asks for the same facts,
but keeps nothing: there is no session folder, and nobody is asked for a password.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rampdeck import loop, wanted
from rampdeck.collector import Collector
from rampdeck.config import Config, nearest
from rampdeck.discovery import once
from rampdeck.duties import Duties
from rampdeck.engine import loader
from rampdeck.engine import options as command_line
from rampdeck.errors import RampdeckError, ScenarioError, UsageError
from rampdeck.exits import Exit
from rampdeck.gatherer import Gatherer
from rampdeck.guard.apart import apart
from rampdeck.guard.guard import Guard
from rampdeck.guard.watch import standing_guard, survey
from rampdeck.headless.telling import PAUSE
from rampdeck.model import Instant, Severity
from rampdeck.output import LogTap, OutputCapture
from rampdeck.preflight import data, told
from rampdeck.preflight.check import Definition, State
from rampdeck.preflight.checks import ALL
from rampdeck.preflight.checks.baseline import save_baseline
from rampdeck.preflight.inspection import Inspection, PreflightView
from rampdeck.preflight.junit import as_junit
from rampdeck.preflight.stack import Scenario, Stack
from rampdeck.preparing import metrics_of, plan_of, scenario_of, target_of
from rampdeck.readers import Readers
from rampdeck.record.suites import moment
from rampdeck.record.write import replace
from rampdeck.remote.hosts import Hosts
from rampdeck.secrets import know_arguments, know_environment, redact
from rampdeck.session import Session
from rampdeck.sources import sources_of
from rampdeck.text import clean
from rampdeck.workers import crewing
from rampdeck.workers.crew import Crew

T = TypeVar("T")
SEEN = 5.0
"""Seconds that the sources get until the checks begin, as before an automatic start."""
PATIENCE = 2.0
"""Seconds that a source or a host gets to end."""


@dataclass(frozen=True)
class Wanted:
    """What ``rampdeck preflight`` itself is told; the rest is the command line of ``rampdeck run``."""

    json: bool = False
    junit: Path | None = None
    only: tuple[str, ...] = ()
    data: bool = False
    baseline: Path | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told of its own."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write it as JUnit XML, too")
    parser.add_argument(
        "--only", metavar="NAME", nargs="+", default=[], help="look at these checks only (django.debug)"
    )
    parser.add_argument("--data", action="store_true", help="print what lies in the databases instead")
    parser.add_argument(
        "--save-baseline",
        metavar="FILE",
        type=Path,
        help="write the settings of Django as a baseline instead",
    )


def inspect(wish: Wanted, argv: list[str], kinds: Mapping[str, type[Collector]]) -> int:
    """Look at everything that is wanted, print it and return the exit code.

    Raises :class:`UsageError` when nothing could be looked at.
    """
    definitions = _chosen(wish.only)
    if wish.junit is not None and not wish.junit.absolute().parent.is_dir():
        raise UsageError(f"cannot write {wish.junit}", "there is no such folder", "Name another")
    seen = sys.stdout.isatty()
    colours = seen and not os.environ.get("NO_COLOR")
    width = min(shutil.get_terminal_size().columns, told.WIDTH) if seen else told.WIDTH
    log = LogTap()
    know_environment(os.environ)
    know_arguments(argv)
    settings = once.configured(argv, kinds)
    with OutputCapture() as output, standing_guard(settings, argv) as guard:
        try:
            stack = prepared(settings, argv, kinds, log, guard)
            began = Instant.now()
            if wish.data or wish.baseline:
                return _instead(wish, stack, output)
            view, defects = loop.run(_with_sources(stack, Inspection(stack, definitions).run))
        finally:
            log.uninstall()
            for text, severity in log.take():
                if severity <= Severity.WARNING:
                    output.tell(clean(text))
        for defect in defects:
            output.tell(defect)
        code = Exit.SCENARIO if defects else exit_code(view)
        about = {
            "target": redact(stack.target),
            "environment": stack.settings.target.environment,
            "began": f"{moment(began)}Z",
            "exit": int(code),
        }
        if wish.junit is not None:
            replace(wish.junit, as_junit(view, began, about))
        answer = told.as_json(view, about)
        if not wish.json:
            answer = _text(view, about, colours=colours, width=width, reasons=bool(wish.only))
        for _ in output.answer(answer):
            time.sleep(PAUSE)
    return code


def exit_code(view: PreflightView) -> Exit:
    """Return 1 where a check failed, 3 where one could not be found out, else 0."""
    return {State.FAILED: Exit.FAIL, State.UNKNOWN: Exit.INCONCLUSIVE, State.PENDING: Exit.INCONCLUSIVE}.get(
        view.state, Exit.PASS
    )


def prepared(
    settings: Config, argv: list[str], kinds: Mapping[str, type[Collector]], log: LogTap, guard: Guard
) -> Stack:
    """Return the stack as a run of this command line would have it, with a session in memory."""
    loaded, problem = _loaded(argv, settings)
    options = command_line.parse(argv)
    options.user_classes = options.user_classes or list(settings.scenario.user_classes)
    command_line.set_up_logging(options)
    log.install()
    settings = wanted.overridden(settings, options)
    wanted.complete(options, settings)
    scenario = Scenario(problem=problem, arguments=tuple(argv))
    target, plan = settings.target.host or "", settings.plan()
    hosts = Hosts(settings.hosts)
    sources = sources_of(settings, kinds, hosts.check)
    manning = crewing.planned(settings, options, argv, list(loaded.files) if loaded else [])
    if loaded is not None:
        plan = plan_of(settings, options, loaded)
        try:
            # No runner: nobody is to make load here.
            environment = loader.environment_for(loaded, options, lambda _: None)
        except ScenarioError as error:
            scenario = Scenario(files=loaded.files, problem=str(error), arguments=tuple(argv))
        else:
            survey(guard, settings, options, environment)
            classes = environment.user_classes
            target = target_of(settings, classes)
            scenario = scenario_of(options, loaded, classes, argv, manning.expected if manning else 1)
    return Stack(
        settings=settings,
        target=target,
        sources=sources,
        hosts=hosts,
        session=Session({kind: collector.view for kind, collector in kinds.items()}, lambda _: None),
        gatherer=Gatherer(sources, settings.release, hosts.remote),
        plan=plan,
        metrics=metrics_of({**kinds, Crew.kind: Crew} if manning else kinds),
        scenario=scenario,
    )


def _loaded(argv: Sequence[str], settings: Config) -> tuple[loader.Loaded | None, str]:
    """Return the scenario, or why there is none: the stack can be looked at all the same."""
    try:
        with apart():  # from a web server, if they are named so
            files = command_line.locustfiles(argv, settings.scenario.file)
        return loader.load(files), ""
    except ScenarioError as error:
        return None, str(error)


def _instead(wish: Wanted, stack: Stack, output: OutputCapture) -> int:
    """Tell what lies in the databases, or write a baseline; no check is looked at."""
    if wish.baseline is not None:
        made, _ = loop.run(_with_sources(stack, partial(save_baseline, stack, wish.baseline)))
        output.tell(f"{wish.baseline} has {len(made.settings)} settings; secrets stand there as keyed hashes")
        return Exit.PASS
    found, defects = loop.run(_with_sources(stack, partial(data.stocks, stack)))
    warmups = [stage.name for stage in stack.plan if stage.warmup]
    answer = told.json_of({"data": data.as_json(found)}) if wish.json else data.as_text(found, warmups)
    for _ in output.answer(answer):
        time.sleep(PAUSE)
    for defect in defects:
        output.tell(defect)
    unknown = any(isinstance(one, RampdeckError) for one in found.values())
    return Exit.INCONCLUSIVE if unknown or not found else Exit.PASS


async def _with_sources(stack: Stack, look: Callable[[], Awaitable[T]]) -> tuple[T, list[str]]:
    """Read the sources, look, and end them; returns also what was a defect of ours."""
    defects: list[str] = []
    duties = Duties(defects.append)
    readers = Readers(stack.sources, stack.hosts, stack.session)
    try:
        readers.connect(duties)
        duties.start("facts", stack.gatherer.begin())
        await stack.seen(SEEN)
        found = await look()
    finally:
        stack.forget()
        await duties.cancel(PATIENCE)
        readers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await duties.guarded("hosts", stack.hosts.close())
    return found, defects


def _chosen(names: Sequence[str]) -> tuple[Definition, ...]:
    """Return the checks of these names, in their order; all of them without any."""
    known = [one.name for one in ALL]
    for name in names:
        if name not in known:
            raise UsageError(
                f'there is no check "{name}"{nearest(name, known)}', "", f"There are {', '.join(known)}"
            )
    return tuple(one for one in ALL if not names or one.name in names)


def _text(
    view: PreflightView, about: Mapping[str, object], *, colours: bool, width: int, reasons: bool
) -> str:
    environment = f", environment {about['environment']}" if about["environment"] else ""
    head = f"Preflight of {about['target'] or 'no target'}{environment}"
    return f"{clean(head)}\n\n{told.text(view, colours=colours, width=width, reasons=reasons)}"


def options_of(argv: Sequence[str], parser: argparse.ArgumentParser) -> tuple[Namespace, list[str]]:
    """Return what is meant for the preflight, and what ``rampdeck run`` would be told."""
    add_options(parser)
    return parser.parse_known_args(list(argv))
