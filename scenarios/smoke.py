"""One endpoint, asked once a second by each user: is it there, and how quick?

A smoke test, not a release test::

    locust -f scenarios/smoke.py --host https://staging.example.com --smoke-path /health/ -u 20
"""

from __future__ import annotations

from locust import FastHttpUser, constant_pacing, events, task
from locust.argument_parser import LocustArgumentParser


@events.init_command_line_parser.add_listener
def add_arguments(parser: LocustArgumentParser) -> None:
    """Add ``--smoke-path``."""
    parser.add_argument(
        "--smoke-path",
        env_var="LOCUST_SMOKE_PATH",
        default="/health/",
        help="The path that the smoke test asks for (default: /health/)",
    )


class Smoke(FastHttpUser):
    """Asks for one path, once a second: 20 users are 20 requests a second."""

    wait_time = constant_pacing(1)

    @task
    def ask(self) -> None:
        """Fetch the path; a redirect counts as it came, it is not followed."""
        options = self.environment.parsed_options
        assert options is not None, "Locust sets them before a user starts"
        self.client.get(options.smoke_path, allow_redirects=False)
