"""A run: engine, collectors, session, gate and plan, joined and kept going.

It is the :class:`~rampdeck.deck.Deck` of a live session. Ten times a second
it watches the load (steps, plan, output of the scenario), once a second it
takes the requests, judges and commits. Controls return at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rampdeck import loop
from rampdeck.committing import keep_committing
from rampdeck.controls import Controls
from rampdeck.details import Details
from rampdeck.duties import Duties
from rampdeck.engine.driver import STOP, Order
from rampdeck.gatherer import Gatherer
from rampdeck.guard.warden import Warden
from rampdeck.guard.watch import GuardWatch
from rampdeck.intake import Intake
from rampdeck.levels.autopilot import Autopilot
from rampdeck.levels.autostep import climb_of
from rampdeck.levels.capacity import Capacity, target_of
from rampdeck.levels.steps import StepMachine
from rampdeck.model import EventKind, Instant, RunState, Severity, Step, Tick
from rampdeck.picture import Painter
from rampdeck.preflight.clearance import Clearance
from rampdeck.readers import Readers
from rampdeck.record import Result, conclude, draft, write
from rampdeck.secrets import redact
from rampdeck.selfwatch import SelfWatch
from rampdeck.session import Session
from rampdeck.setup import Setup
from rampdeck.snapshot import Verdict
from rampdeck.standing import Standing
from rampdeck.trust import Trust
from rampdeck.voices import Voices

WATCH = 0.1
"""Seconds between looks at the load."""
LAST_LOOK = 1.5
"""Seconds that the sources are still read after the load has ended."""
PATIENCE = 3.0
"""Seconds that a source or a host gets to end once the session is over."""


class Run(Controls):
    """One live session.

    ``ended`` says why the load came to its end by itself or was stopped:
    ``plan``, ``run time``, ``shape``, ``operator``, ``terminal``, ``gate``, ``guard``,
    ``scenario``, ``defect``, ``preflight`` (it never began); empty while it goes on.
    ``over`` is set while the load has come to an end.
    ``broken`` says what went wrong with the scenario or with Rampdeck itself,
    if anything did. Once ``at_once`` is set, the end waits for nobody any more.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.engine = setup.engine
        self.writer = setup.writer
        self.session = Session(setup.views, setup.writer.append)
        self.details = Details(self.session)
        self.steps = StepMachine(setup.config.load.settle)
        self.gate = setup.gate
        self.trust = Trust.of(setup.config, setup.gate.thresholds)
        self.gate.doubted = self.trust.doubted
        self.gate.attach(self.session)
        self.capacity = Capacity(self.session, self.gate, self.trust, target_of(setup))
        config, tell = setup.config, partial(self.session.say, EventKind.KEY)
        climb = climb_of(config.load, setup.first_users, config.guard.users)
        self.pilot = Autopilot(setup.plan, climb, self._judge_level, tell)
        self.warden = Warden(self)
        self.gatherer = Gatherer.of(setup)
        self.began: Instant | None = None
        self.opened = Instant.now()
        self.ended = ""
        self.over = asyncio.Event()
        self.at_once = asyncio.Event()
        self.broken = ""
        self.leave: Callable[[], None] = lambda: None
        self.clearance: Clearance | None = None
        self._painter = Painter(self)
        self._intake = Intake(setup.engine, self.session)
        self._duties = Duties(self.fail)
        self._voices = Voices(self.session, setup.output, setup.log, echo=setup.echo)
        self._self = SelfWatch(setup, self.session, self._voices)
        self._readers: Readers
        self._ticked = self.opened.mono
        self._standing = Standing(self)
        self.guard = GuardWatch(setup, self.session)

    # -- what comes of it

    async def save_record(self) -> Path:
        """Write the decision record as of now; returns its Markdown file."""
        self.session.say(EventKind.KEY, "decision record saved")
        made, folder = draft(self), self.writer.path.parent
        return await loop.in_thread(lambda: write(made.finished(), folder))

    def result(self) -> Result:
        """Return the result as of now; of a closed run, as of its end."""
        return conclude(self)

    # -- life

    async def open(self) -> None:
        """Start the clocks; the load waits for a control, the sources for :meth:`connect`.

        Raises :class:`ScenarioError` when the locustfile's ``init`` listener refuses to go on.
        """
        await loop.in_greenlet(self.engine.open)
        loop.exits.append(self._scenario_exits)
        self._self.open()
        self.warden.open()
        self._readers = Readers(self.setup.sources, self.setup.hosts, self.session)
        if why := self.engine.unstamped:
            text = f"response times are Locust's own and hold the generator's queue: {why}"
            self.session.say(EventKind.LOAD, text, severity=Severity.WARNING)
        self._duties.start("engine", self.engine.drive(self._order_taken_up))
        self._duties.every("watch", WATCH, self._watch)
        self._duties.every("tick", 1.0, self._tick)
        say = partial(self.session.say, EventKind.LOAD)
        self._duties.start("commit", keep_committing(self.writer, lambda text, how: say(text, severity=how)))

    def connect(self) -> None:
        """Begin to read the sources and to gather the facts; by then the screen is there."""
        self._readers.connect(self._duties)
        self._duties.start("facts", self.gatherer.begin())

    def also(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Let some work go on as long as the run does; a defect in it is told like any other."""
        self._duties.start(name, work)

    def while_it_stands(self, alarmed: Callable[[], None]) -> None:
        """Have a function called several times a second while the loop stands, as a signal's handler is."""
        self._self.alarmed = alarmed

    async def close(self) -> None:
        """Stop the load, read what is left, and end the session file; :meth:`result` is final then."""
        if self.engine.running:
            self._operator_stops("quit")
        self.walk.leave()
        await self.engine.close()
        if self.began is not None:
            # The servers' last lines are on their way: half a second through a journal.
            last = asyncio.gather(
                asyncio.sleep(LAST_LOOK), self._duties.guarded("facts", self.gatherer.end())
            )
            hurried = asyncio.ensure_future(self.at_once.wait())
            await asyncio.wait((last, hurried), return_when="FIRST_COMPLETED")
            for waiting in (last, hurried):
                waiting.cancel()
            await asyncio.gather(last, hurried, return_exceptions=True)
        loop.exits.remove(self._scenario_exits)
        await self._duties.wait_for("facts", 0 if self.at_once.is_set() else PATIENCE)
        attempt = self._duties.attempt
        attempt("watch", self._watch)
        attempt("tick", self._tick)
        # A host that has gone silent answers no good-bye.
        await self._duties.cancel(PATIENCE)
        attempt("readers", self._readers.close)
        attempt("self watch", self._self.close)
        attempt("output", partial(self._voices.drain, last=True))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._duties.guarded("hosts", self.setup.hosts.close())
        attempt("guard", self.guard.close)
        attempt("outcome", self._standing.close)
        await self._duties.guarded("session file", self.writer.close(self.session))

    def fail(self, why: str, ended: str = "defect") -> None:
        """Stop the load because a task of ours has a defect, or workers that it needs will not come."""
        if not self.broken:
            self._broke(ended, why)
        self.over.set()

    # -- ten times a second

    def _watch(self) -> None:
        at = Instant.now()
        self._voices.drain()
        self.warden.tell()
        self.guard.look()
        state = self.engine.state
        # While an order is pending, Locust still shows the level before; what settled is not to be measured.
        if not self.engine.pending and (not self.steps.settled(at) or self.engine.caught_up()):
            cause = "shape" if self.engine.shape_running else "scenario"
            for step in self.steps.observe(at, self.engine.users, self.engine.target, state, cause):
                self._step_changed(step)
            if self.walk.following:
                self._walk_on(at)
            self._look_for_ends(state)
        if self.setup.run_time and self.began and at.mono - self.began.mono >= self.setup.run_time:
            self._finish("run time")
        idle = state in (RunState.READY, RunState.STOPPED) and not self.engine.running
        if idle and self.began is not None and not self.over.is_set() and not self.engine.pending:
            self._over()

    def _walk_on(self, at: Instant) -> None:
        step = self.steps.step
        reached = step is not None and step.reached is not None and step.cause == self.walk.cause
        stage = self.walk.advance(at.mono, reached)
        if self.ended:  # by the gate, which has just looked
            return
        if stage:
            self._go_to(stage)
        elif self.walk.ended:
            self._finish("plan")

    def _finish(self, reason: str) -> None:
        """End the load because it is over as planned."""
        if self.ended or not self.engine.running:
            return
        self.ended = reason
        self.walk.leave()
        self.session.say(EventKind.LOAD, self.walk.ending if reason == "plan" else "the run time is over")
        self.engine.stop()

    def _look_for_ends(self, state: RunState) -> None:
        """See ends that nobody here has asked for through: of a shape, by ``runner.quit()``, by a defect."""
        if (failure := self.engine.failure) and not self.ended:
            self._broke("scenario", failure)
        elif state is RunState.STOPPING:
            self._ended_by_itself()
            self.walk.leave()
            self.engine.stop()

    def _over(self) -> None:
        """Note that the load has come to its end; what is counted later is not of it."""
        self._ended_by_itself()
        if (failure := self.engine.failure) and not self.broken:
            self._broke(self.ended, failure)
        self.walk.leave()
        self._intake.take()
        self.over.set()

    def _ended_by_itself(self) -> None:
        if not self.ended:
            self.ended = "shape" if self.engine.has_shape else "scenario"
            self.session.say(EventKind.LOAD, f"the {self.ended} has ended the load")

    def _broke(self, ended: str, why: str) -> None:
        """Stop the load at once because something is broken, and say what."""
        self.ended = ended
        self.broken = why = redact(why)
        self.session.say(EventKind.LOAD, why, severity=Severity.CRITICAL)
        self.walk.leave()
        self.engine.abort()

    def _step_changed(self, step: Step) -> None:
        self._intake.take()
        self.session.append(step)
        self._readers.step(step)
        verb = {"ramp": "ramping to", "measure": "measuring at", "warm-up": "warming up with"}.get(step.phase)
        if verb:
            name = f" “{step.stage}”" if step.stage else ""
            fields = {"step": str(step.number), "users": str(step.users), "phase": step.phase}
            self.session.say(EventKind.LOAD, f"step {step.number}{name}: {verb} {step.users} users", fields)

    # -- once a second

    def _tick(self) -> None:
        at = Instant.now()
        self._intake.take()
        self.session.append(Tick(at, self.engine.users))
        self.trust.observe(self.session, at.mono - self._ticked)
        self._ticked = at.mono
        self._judge(at)
        self._look_for_an_emergency(at)
        self._self.tick()
        self._painter.tick()
        self._standing.store()
        self.guard.store()

    def _judge_level(self) -> tuple[Verdict, str]:
        """Judge the present level up to this moment: the last second may be what decides."""
        self._intake.take()
        tick = Tick(Instant.now(), self.engine.users, beat=False)
        self.session.append(tick)
        self._judge(tick.at)
        return self.capacity.level()

    def _judge(self, at: Instant) -> None:
        """Say what has turned in the gate, and stop the load if it asks for that."""
        turned = self.gate.announce(at, self.session)
        if any(one.aborts for one in turned) and self.engine.running and not self.ended:
            self.ended = "gate"
            self.walk.leave()
            self.engine.stop()

    def _look_for_an_emergency(self, at: Instant) -> None:
        """Stop the load at once if it is about to take the servers down."""
        if self.engine.running and not self.ended and self.warden.emergency(at):
            self.ended = "guard"
            self.walk.leave()
            self.engine.abort()

    def _order_taken_up(self, order: Order) -> None:
        at, level = Instant.now(), (order.users, order.spawn_rate, order.cause, order.stage, order.warmup)
        if order is not STOP:
            self._self.begin()
        changed = self.steps.end(at) if order is STOP else self.steps.begin(at, *level)
        for step in changed:
            self._step_changed(step)

    def screen_broke(self) -> None:
        """Note that the cockpit ended with a defect; its traceback is in what it wrote."""
        self._broke("defect", "the cockpit has a defect")
        self._voices.tell_what_broke()

    def _scenario_exits(self, exit_: SystemExit) -> None:
        if not self.broken:
            self._broke("scenario", f"the scenario called sys.exit({exit_.code!r})")
