"""The command line of ``rampdeck run``: Locust's own parser with our options added.

So ``-u``, ``locust.conf``, ``LOCUST_*`` variables and the options that a
locustfile adds mean what they mean under ``locust``, by construction.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from locust.argument_parser import (
    LocustArgumentParser,
    get_locustfiles_locally,
    get_parser,
    parse_locustfile_option,
)
from locust.html import process_html_filename
from locust.log import setup_logging

from rampdeck.errors import ScenarioError, UsageError
from rampdeck.secrets import know, redact

DEFAULT_LOCUSTFILE = "locustfile.py"
_REFUSED = {
    "otel": "--otel",
}
_ELSEWHERE = {
    "worker": ("--worker", "the cockpit is the master", "Start one of its workers with: rampdeck worker"),
    "processes": ("--processes", "a cockpit cannot be forked", "For more than one core: --workers N"),
}
_HELP = {"-h", "--help", "-V", "--version"}
_DESCRIPTION = """Usage: rampdeck run [options] [UserClass ...]

Point the cockpit at a staging stack and raise the load by keys. Without
--autostart the load waits for the first press of "+"; with --headless there
is no screen and the run starts at once.
"""
_EPILOG = """Locust's options, locust.conf, LOCUST_* variables and the locustfile's own
options mean what they mean under locust. --web-* options are of no effect:
there is no web page. Exit codes: 0 PASS, 1 FAIL, 2 usage or configuration,
3 INCONCLUSIVE, 4 stopped before the plan ended, 5 the scenario itself broke.
"""


_WORKER_DESCRIPTION = """Usage: rampdeck worker [-f FILE] --master-host HOST [--master-port PORT]

One worker of a cockpit that was started with --workers, --master or
--expect-workers: it makes load as "locust --worker" does, and reports exact
percentiles. "-f -" takes the locustfile from the cockpit. The cockpit decides
on users, host and tags; of the options of rampdeck run only those count that
say what the scenario is.
"""


def parser(prog: str = "rampdeck run") -> LocustArgumentParser:
    """Return Locust's parser, with the options of the loaded locustfiles and ours."""
    parser = get_parser()
    parser.prog = prog
    parser.description = _DESCRIPTION if prog == "rampdeck run" else _WORKER_DESCRIPTION
    parser.epilog = _EPILOG
    # Whether they were given decides where the cockpit listens, and whether it waits.
    parser.set_defaults(expect_workers=0, master_bind_host="", master_bind_port=None)
    add_options(parser)
    return parser


def add_options(parser: LocustArgumentParser) -> None:
    """Add Rampdeck's own options to a parser."""
    group = parser.add_argument_group("Rampdeck options")
    _add_configuration_options(group)
    group.add_argument(
        "--threshold",
        metavar="<expression>",
        action="append",
        default=[],
        help='What must hold, as "p95 < 800ms", "error_rate < 1%%" (or k6\'s rate<0.01), '
        '"postgres.connections < 80%% for 30s", "rps >= 40 at peak"; may be given several times and replaces '
        "those of the file. Words that may follow: over 30s (a sliding window), for 30s (only if it lasts), "
        "at STAGE, abort (stop the load), warn (change no verdict).",
    )
    group.add_argument(
        "--record",
        metavar="<folder>",
        default="",
        help="Where sessions and decision records go. Default: rampdeck-sessions here.",
    )
    group.add_argument(
        "--no-wire-clock",
        action="store_true",
        help="Judge Locust's own response times, which hold the generator's queue, not the kernel's stamps.",
        env_var="RAMPDECK_NO_WIRE_CLOCK",
    )
    _add_load_options(group)
    _add_preflight_options(group)
    _add_guard_options(group)
    _add_output_options(group)
    group.add_argument("--title", metavar="<text>", default="", help="The name of this session.")


def _add_load_options(group: Any) -> None:
    group.add_argument(
        "--max-users",
        metavar="<int>",
        type=int,
        default=None,
        help="Above this the cockpit asks before it raises the load.",
    )
    group.add_argument(
        "--workers",
        metavar="<int>",
        type=int,
        default=None,
        help="Make the load in this many processes of this machine; the cockpit only steers and counts.",
        env_var="RAMPDECK_WORKERS",
    )
    group.add_argument(
        "--auto-step",
        action="store_true",
        default=False,
        help="Raise the load by [load] step from -u users until the gate fails, then go back down once.",
    )


def _add_configuration_options(group: Any) -> None:
    group.add_argument(
        "-c",
        "--configuration",
        metavar="<filename>",
        default="",
        help="Hosts, collectors, stages, thresholds. Default: rampdeck.toml, if there is one here.",
        env_var="RAMPDECK_CONFIGURATION",
    )
    group.add_argument(
        "--on",
        metavar="<[user@]host[:port]>",
        action="append",
        default=[],
        help="Without a configuration: find by itself what is there on this host, for this one run; "
        "may be given several times. rampdeck init writes the same down.",
    )


def _add_preflight_options(group: Any) -> None:
    group.add_argument(
        "--no-preflight",
        action="store_true",
        default=False,
        help="Make the load without looking at the stack first (rampdeck preflight).",
        env_var="RAMPDECK_NO_PREFLIGHT",
    )
    group.add_argument(
        "--go-on",
        action="store_true",
        default=False,
        help="Make the load though a check of the preflight failed; the record says so.",
    )
    group.add_argument(
        "--commit",
        metavar="<sha>",
        default="",
        help="The commit that is to be released: the preflight fails where another one runs.",
        env_var="RAMPDECK_COMMIT",
    )
    group.add_argument(
        "--image",
        metavar="<tag>",
        default="",
        help="The image that is to be released, as the commit.",
        env_var="RAMPDECK_IMAGE",
    )


def _add_guard_options(group: Any) -> None:
    group.add_argument(
        "--environment",
        metavar="<name>",
        default="",
        help='What is loaded, as "staging": a run must name it, here or under [target].',
        env_var="RAMPDECK_ENVIRONMENT",
    )
    group.add_argument(
        "--confirm-production",
        metavar="<host>",
        default="",
        help="The name of the target's host, typed by whoever means to load production.",
    )
    group.add_argument(
        "--allow-host",
        metavar="<host>",
        action="append",
        default=[],
        help="One more name, address or network that users may contact, beside the target or [target] "
        "allowed_hosts; may be given several times. Whatever else they want to contact is refused.",
        env_var="RAMPDECK_ALLOW_HOST",
    )
    group.add_argument(
        "--no-emergency-stop",
        action="store_true",
        default=False,
        help="Let the load go on however many requests fail and however full the servers are.",
    )


def _add_output_options(group: Any) -> None:
    group.add_argument(
        "--report",
        metavar="<format>[=<file>]",
        action="append",
        default=[],
        help="Write the record as md, json, html, junit or summary into a file, or to stdout, "
        "where nothing else is written; may be given several times.",
    )
    group.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=False,
        help="With --headless: say errors and the verdict on stderr, and nothing else.",
    )


def locustfiles(argv: Sequence[str], configured: Path | None) -> list[str]:
    """Return the locustfiles that the command line, or else the configuration, names.

    Raises :class:`ScenarioError` where there is none.
    """
    with speaking(ScenarioError, "no scenario"):
        options: Any = parse_locustfile_option(list(argv))
        if configured and options.locustfile == DEFAULT_LOCUSTFILE:
            options.locustfile = str(configured)
        return list(get_locustfiles_locally(options))


def configuration_of(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return what ``-c`` and ``--on`` name, before the locustfile and its options are known."""
    early = LocustArgumentParser(add_help=False, add_env_var_help=False, allow_abbrev=False)
    early.prog = "rampdeck run"
    add_options(early)
    with speaking(UsageError, "the command line is wrong"):
        known, _ = early.parse_known_args(list(argv))
    return str(known.configuration), known.on


def hosts_of(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return what ``-H`` and ``--allow-host`` say, before the locustfile and its options are known."""
    try:
        with speaking(UsageError, "the command line is wrong"):
            known, _ = parser().parse_known_args([word for word in argv if word not in _HELP])
    except UsageError:
        return "", []  # what is wrong is told when all of it is known
    return str(known.host or ""), list(known.allow_host)


def parse(argv: Sequence[str]) -> Namespace:
    """Return the options; the locustfiles must be loaded before, for theirs.

    Raises :class:`UsageError`.
    """
    with speaking(UsageError, "the command line is wrong"):
        known = parser()
        options: Namespace = known.parse_args(list(argv))
    for value in _secrets_of(known, options):
        know(value)
    for name, (flag, why, fix) in _ELSEWHERE.items():
        if getattr(options, name, None):
            raise UsageError(f"{flag} is not available in rampdeck run", why, fix)
    for name, flag in _REFUSED.items():
        if getattr(options, name, None):
            why = "it does not instrument the scenario"
            raise UsageError(f"{flag} is not available in rampdeck", why, "For this, use locust itself")
    _check(options)
    if options.confirm_production and not any(word.startswith("--confirm") for word in argv):
        why = "it stands in a file, where it would confirm every run"
        raise UsageError("--confirm-production", why, "Take it out there, and type it where it is meant")
    if options.headful:
        options.headless = False
    if options.html_file:
        process_html_filename(options)
    return options


def _check(options: Namespace) -> None:
    """Raise :class:`UsageError` where two options do not go together."""
    headless = options.headless and not options.headful
    if options.stats_history_enabled and not options.csv_prefix:
        raise UsageError("--csv-full-history", "requires --csv")
    if options.autoquit != -1 and not (options.autostart or options.headless or options.auto_step):
        raise UsageError("--autoquit", "is only meaningful in combination with --autostart")
    if options.print_stats and not headless:
        raise UsageError("--print-stats", "the cockpit shows the figures all the time", "Use --headless")
    if options.quiet and not headless:
        raise UsageError("--quiet", "the cockpit is there to be looked at", "Use --headless")
    if options.class_picker and (headless or options.autostart):
        fix = "Name the classes at the end of the command line"
        raise UsageError("--class-picker", "asks, and a run that starts by itself does not wait", fix)


def _secrets_of(parser: LocustArgumentParser, options: Namespace) -> Iterator[str]:
    """Yield what was given for options that a locustfile calls secret (Locust's ``is_secret``)."""
    for action in parser._actions:
        if getattr(action, "is_secret", False):
            value = getattr(options, action.dest, None)
            yield from value if isinstance(value, list) else [value] if isinstance(value, str) else []


def parse_worker(argv: Sequence[str]) -> Namespace:
    """Return the options of ``rampdeck worker``: those of the cockpit are understood and left alone.

    Raises :class:`UsageError`.
    """
    with speaking(UsageError, "the command line is wrong"):
        options: Namespace = parser("rampdeck worker").parse_args(list(argv))
    options.worker, options.master, options.headless, options.autostart = True, False, False, False
    return options


def set_up_logging(options: Namespace) -> None:
    """Set Locust's logging up as the command line asks: level, and a file if one is named."""
    if not options.skip_log_setup:
        setup_logging(options.loglevel, options.logfile)
        # What goes to the console is taken off it; a file has to be kept clean here.
        for logger in (logging.getLogger(), logging.getLogger("locust")):
            for handler in logger.handlers:
                if isinstance(handler, logging.FileHandler):
                    handler.setFormatter(_Redacting(handler.formatter))


class _Redacting(logging.Formatter):
    """Another formatter's lines without secrets."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))


@contextlib.contextmanager
def speaking(error: type[UsageError], what: str) -> Iterator[None]:
    """Turn Locust's way of complaining (a line on stderr and ``sys.exit``) into one of our errors.

    Help and version, which exit with 0 and write to stdout, pass.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    except SystemExit as exit_:
        if exit_.code in (0, None):
            raise
        text = re.sub(r"^rampdeck \w+: error: ", "", " ".join(said.getvalue().split()))
        raise error(what, text or f"exit code {exit_.code}") from None
