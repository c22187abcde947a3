"""Ending the users of this process, also those who do not want to end.

Used by the load in the cockpit's own process and by each worker alike.
"""

from __future__ import annotations

from typing import Any

import gevent
from locust.user.task import LOCUST_STATE_STOPPING

GRACE = 5.0
"""Seconds after the stop timeout in which an ``on_stop`` may still end; then it is cut off."""


class Ending:
    """Stops, cuts off and replaces the users of a runner that has them itself.

    ``left_behind`` counts those who could not be ended: a scenario may catch
    even the exception that is to end it.
    """

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self.left_behind = 0

    @property
    def failure(self) -> str:
        """Return who could not be ended, as a sentence, or nothing."""
        if not self.left_behind:
            return ""
        return f"{self.left_behind} users could not be ended: the scenario catches GreenletExit"

    def abort(self) -> None:
        """Cut every request off at once, also in the middle of a graceful stop."""
        self._runner.environment.stop_timeout = 0.0
        if self._runner.spawning_greenlet is not None:
            self._runner.spawning_greenlet.kill(block=False)
        self.kill_users()

    def halt(self) -> None:
        """Stop the load and return when no user is left; blocks its greenlet."""
        runner = self._runner
        stopping = gevent.spawn(self._let_runner_stop)
        stopping.join(runner.environment.stop_timeout + GRACE)
        for _ in range(int(GRACE)):
            if not stopping.ready():  # an on_stop that waits for ever
                self.kill_users()
                stopping.join(1.0)
        if runner.state != "stopped":
            # A user who cannot be killed, or a listener of test_stopping that called sys.exit.
            stopping.kill(block=False)
            self.kill_users()
            gevent.sleep(0)
            self.left_behind += int(runner.user_count)
            for greenlet in list(runner.user_greenlets):
                runner.user_greenlets.discard(greenlet)
            runner.update_state("stopped")

    def kill_users(self) -> None:
        """Kill them one by one: a group of gevent kills each of its greenlets only once."""
        for greenlet in list(self._runner.user_greenlets):
            greenlet.kill(block=False)

    def leaving(self) -> list[Any]:
        """Return the greenlets of users that an earlier step-down asked to stop and that are still there.

        Locust counts a user that is still ending its last request as running, so a
        step up in the middle of a step down would come out short of them.
        """
        return [
            greenlet
            for greenlet in self._runner.user_greenlets
            if greenlet.args and greenlet.args[0]._state == LOCUST_STATE_STOPPING
        ]

    def _let_runner_stop(self) -> None:
        runner = self._runner
        while runner.state == "cleanup" and runner.user_count:
            gevent.sleep(0.02)  # stopped by the scenario itself
        # A user who calls runner.quit() is killed in the middle of it: then it is ended here.
        runner.stop()
