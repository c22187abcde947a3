"""From a command line to a finished run.

Reads the configuration, loads the scenario, makes the collectors, opens the
session file, then lets the run go: under the cockpit or headless.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import re
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from rampdeck import loop, wanted
from rampdeck.collector import Collector
from rampdeck.config import Config
from rampdeck.discovery import once
from rampdeck.engine import loader
from rampdeck.engine import options as command_line
from rampdeck.engine.ceilings import Ceilings
from rampdeck.engine.distributed import MasterDriver
from rampdeck.engine.engine import LoadEngine
from rampdeck.engine.listing import listing
from rampdeck.errors import ScenarioError, UsageError
from rampdeck.exits import Exit
from rampdeck.guard import bounds
from rampdeck.guard import production as guarding
from rampdeck.guard.apart import apart
from rampdeck.guard.guard import Guard
from rampdeck.guard.watch import settle, standing_guard
from rampdeck.headless import console
from rampdeck.headless.outputs import Outputs, check
from rampdeck.headless.signals import Signals
from rampdeck.headless.telling import PAUSE
from rampdeck.levels.autostep import check_climb, climb_of
from rampdeck.model import Health, Severity
from rampdeck.output import LogTap, OutputCapture
from rampdeck.preflight.checks import ALL
from rampdeck.preflight.clearance import Clearance, cleared
from rampdeck.preflight.stack import Stack
from rampdeck.preparing import gate_of, metrics_of, most_users, plan_of, production_of, scenario_of, target_of
from rampdeck.remote.asking import Questions
from rampdeck.remote.hosts import Hosts
from rampdeck.run import Run
from rampdeck.secrets import know_arguments, know_environment, redact
from rampdeck.setup import Setup
from rampdeck.snapshot import Verdict
from rampdeck.sources import sources_of
from rampdeck.store import SessionWriter
from rampdeck.store.about import about
from rampdeck.workers import crewing
from rampdeck.workers.crew import Crew
from rampdeck.workers.crewing import CrewPlan

PATIENCE = 5.0
"""Seconds that an automatic start waits for the sources to be seen."""
ANSWERS = 120.0
"""Seconds that it waits while the operator is asked for passwords: as long as sshd waits for a login."""


@dataclass(frozen=True)
class Parts:
    """What the composition root brings: the collectors by kind, and the screen, imported when needed."""

    collectors: Mapping[str, type[Collector]]
    screen: Callable[[], ModuleType]


def launch(argv: list[str], parts: Parts) -> int:
    """Do a whole run; returns the exit code.

    Raises :class:`UsageError` when nothing could be started. Whatever the
    scenario prints from here on is taken off the terminal.
    """
    log = LogTap()
    know_environment(os.environ)
    know_arguments(argv)
    settings = once.configured(argv, parts.collectors)
    with OutputCapture() as output, standing_guard(settings, argv) as guard:
        with apart():  # from a web server, if they are named so
            files = command_line.locustfiles(argv, settings.scenario.file)
        loaded = loader.load(files)
        options = command_line.parse(argv)
        options.user_classes = options.user_classes or list(settings.scenario.user_classes)
        if told := listing(loaded, options):
            for _ in output.answer(told):
                time.sleep(PAUSE)
            return Exit.PASS
        if not options.headless and not output.terminal.isatty():
            raise UsageError("there is no terminal to draw the cockpit on", "", "Use --headless")
        command_line.set_up_logging(options)
        log.install()
        try:
            settings = wanted.overridden(settings, options)
            check(options)
            guarding.require_name(settings.target)
            wanted.complete(options, settings)
            manning = crewing.planned(settings, options, argv, files)
            setup = _setup(settings, options, loaded, manning, guard, parts, output, log)
            run = Run(setup)
            if not options.no_preflight:
                run.clearance = _clearance(run, settings, options, loaded, argv)
            session = about(
                settings,
                title=setup.title,
                host=setup.host,
                began=run.opened,
                arguments=["run", *argv],
                thresholds=setup.gate.thresholds,
                production=setup.production.to_meta() if setup.production else None,
            )
            for key, value in session.items():
                setup.writer.set_meta(key, value)
            return loop.run(_operate(run, options, parts))
        finally:
            log.uninstall()


def _setup(
    settings: Config,
    options: Namespace,
    loaded: loader.Loaded,
    manning: CrewPlan | None,
    guard: Guard,
    parts: Parts,
    output: OutputCapture,
    log: LogTap,
) -> Setup:
    environment = loader.environment_for(loaded, options, *([manning.make_master] if manning else []))
    admit = settle(guard, settings, options, environment)
    driver = MasterDriver(environment) if manning else None
    title = redact(options.title or settings.scenario.name or loaded.name)
    plan = plan_of(settings, options, loaded)
    bounds.check(settings.guard, settings.load, plan, options.num_users)
    production = production_of(settings, options, environment.user_classes)
    most = most_users(settings, options, plan) // (manning.expected if manning else 1)
    if shortage := loader.too_few_files(most):
        logging.getLogger("rampdeck").warning(shortage)
    questions = Questions()
    hosts = Hosts(settings.hosts, None if options.headless else questions)
    sources = sources_of(settings, parts.collectors, hosts.check)
    kinds = dict(parts.collectors)
    tell = output.tell if options.headless else None
    crew = crewing.crew_of(manning, driver, hosts, tell) if manning and driver else None
    if crew is not None:
        sources.append(crewing.source(crew))
        kinds[Crew.kind] = Crew
    metrics = metrics_of(kinds)
    gate = gate_of(settings, metrics, plan, sources)
    if options.auto_step:
        check_climb(climb_of(settings.load, options.num_users, settings.guard.users), gate.judges_levels)
    return Setup(
        config=settings,
        title=title,
        host=redact(target_of(settings, environment.user_classes)),
        engine=_engine(settings, environment, driver, admit),
        sources=sources,
        hosts=hosts,
        views={kind: collector.view for kind, collector in parts.collectors.items()}
        | {source.info.kind: source.collector.view for source in sources},
        metrics=metrics,
        plan=plan,
        # As under Locust, a shape has its own end.
        run_time=float(options.run_time) if options.run_time and loaded.shape is None else None,
        gate=gate,
        writer=SessionWriter(new_folder(settings.record.folder, title) / "session.sqlite"),
        output=output,
        log=log,
        echo=(Severity.ERROR if options.quiet else Severity.DEBUG) if options.headless else None,
        crew=crew,
        first_users=options.num_users,
        production=production,
        confirmed=bool(options.confirm_production),
        questions=questions,
        guard=guard,
    )


def _clearance(
    run: Run, settings: Config, options: Namespace, loaded: loader.Loaded, argv: list[str]
) -> Clearance:
    """Return what looks at the stack of this run before its load."""
    setup = run.setup
    classes = setup.engine.environment.user_classes
    stack = Stack(
        settings=settings,
        target=target_of(settings, classes),
        sources=setup.sources,
        hosts=setup.hosts,
        session=run.session,
        gatherer=run.gatherer,
        plan=setup.plan,
        metrics=setup.metrics,
        scenario=scenario_of(options, loaded, classes, argv, setup.crew.expected if setup.crew else 1),
    )
    return Clearance(stack, ALL, run.writer.set_meta)


def _engine(
    settings: Config, environment: Any, driver: MasterDriver | None, admit: Callable[[], None]
) -> LoadEngine:
    load, guard = settings.load, settings.guard
    ceilings = Ceilings(guard.users, guard.spawn_rate, guard.rps)
    return LoadEngine(
        environment,
        spawn_rate=load.spawn_rate,
        stop_timeout=load.stop_timeout,
        driver=driver,
        ceilings=ceilings,
        admit=admit,
    )


async def _operate(run: Run, options: Namespace, parts: Parts) -> int:
    """Let the run go to its end, write what came of it, and return the exit code."""
    tell = run.setup.output.tell
    outputs = Outputs(run, options, tell)
    try:
        await run.open()
    except ScenarioError:
        run.writer.path.parent.rmdir()  # nothing has been written yet
        raise
    signals = Signals(run, screen=not options.headless)
    outputs.begin()
    try:
        if options.headless:
            run.connect()
            await _seen(run)
            if await cleared(run, go_on=options.go_on, quiet=options.quiet, tell=tell):
                await crewing.wait_for(run, needed=True, tell=tell)
                _begin(run, options.auto_step)
            else:
                run.refuse()
            await console.until_over(run, tell, console.how_much(options))
        else:
            await _fly(run, options, parts.screen())
    finally:
        if run.engine.users and not options.quiet:
            tell("Stopping the load ...")
        await run.close()
    result = run.result()
    await outputs.finish(result, signals)
    return Exit.SCENARIO if outputs.broken else exit_code(run, result.result)


async def _fly(run: Run, options: Namespace, screen: ModuleType) -> None:
    """Show the cockpit until the operator leaves it, or --autoquit does."""
    by_itself = options.autostart or options.auto_step
    first = run.preflight is not None and not by_itself
    app = screen.Cockpit(run, run.setup.config.screen, preflight=first)

    async def fly() -> None:
        await app.painted.wait()
        run.connect()
        if options.class_picker:
            app.call_later(app.action_classes)
        await _seen(run)
        clear = await cleared(run, go_on=options.go_on)
        await crewing.wait_for(run, needed=by_itself and clear)
        if not by_itself:
            return
        if clear:
            _begin(run, options.auto_step)
        elif options.autoquit != -1:
            run.refuse()
        else:
            app.call_later(app.action_preflight)  # it did not begin, and there is why
        await run.over.wait()
        if options.autoquit != -1:
            await asyncio.sleep(options.autoquit)
            app.exit()

    pilot = asyncio.create_task(fly())
    run.leave = app.exit
    try:
        await app.run_async()
    finally:
        pilot.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pilot
    if app.return_code:
        run.screen_broke()


def _begin(run: Run, auto_step: bool) -> None:
    """Start the plan, or the auto-step, unless a key or a signal came before."""
    if run.began is None and not run.ended:
        if auto_step:
            run.auto_step()
        else:
            run.return_to_plan()


async def _seen(run: Run) -> None:
    """Wait until every source has been seen or has failed: a few seconds, and while a question is open."""
    clock = asyncio.get_running_loop().time
    began = clock()
    deadline = began + PATIENCE
    while clock() < deadline and not run.over.is_set():
        if run.questions.first is not None and run.began is None:
            deadline = min(clock() + PATIENCE, began + ANSWERS)
        if all(source.health is not Health.CONNECTING for source in run.session.sources.values()):
            break
        await asyncio.sleep(0.1)
    loop.freeze(collect=run.began is None)


def new_folder(folder: Path, title: str) -> Path:
    """Make a new session's folder: when it began and its title, ``2026-11-22T1221Z-checkout-peak``.

    Raises :class:`UsageError`: better before the load than after it.
    """
    fix = "Name another with --record"
    plain = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:60] or "session"
    name = f"{datetime.now(UTC):%Y-%m-%dT%H%MZ}-{plain}"
    for made in itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2))):
        try:
            (folder / made).mkdir(mode=0o700, parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise UsageError(
                    f"cannot make {folder}", "it is a file", "Name another with --record"
                ) from None
        except OSError as error:
            raise UsageError(f"cannot make {folder / made}", error.strerror or str(error), fix) from None
        else:
            return folder / made
    raise AssertionError("itertools.count has no end")


def exit_code(run: Run, verdict: Verdict) -> int:
    """Return the exit code of a finished run; the locustfile's own counts where ours would be 0."""
    return run.outcome.exit(verdict)
