"""The command line of ``rampdeck smoke``, and what it must never ask."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from rampdeck import config, loop
from rampdeck.config import Config
from rampdeck.config.model import seconds
from rampdeck.engine import throttle
from rampdeck.engine.volley import Endpoint, Volley
from rampdeck.errors import UsageError
from rampdeck.exits import Exit
from rampdeck.guard.guard import Guard
from rampdeck.guard.production import production_of
from rampdeck.secrets import know, know_arguments, know_environment
from rampdeck.smoke.told import as_json, as_text
from rampdeck.wanted import DEFAULT_FILE

MOST_REQUESTS = 1_000_000
MOST_AT_ONCE = 1_000
LONGEST = 3600.0
"""Seconds that it may go on: what takes longer is no smoke test."""
_HEADER = re.compile(r"([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n\0]*)", re.ASCII)
"""A header line, RFC 9110 section 5: a token, a colon, a value on the same line."""


def smoke(argv: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Ask one endpoint as the command line says; 0 when all answers came and none was an error, else 1.

    Raises :class:`UsageError` for a command line that is wrong, a host that cannot be found, and production.
    """
    know_environment(os.environ)
    know_arguments(argv)
    _add_options(parser)
    options = parser.parse_args(argv)
    endpoint = _endpoint(options)
    _check_amounts(options)
    if DEFAULT_FILE.exists():
        settings = config.load(DEFAULT_FILE)
        _check_target(settings, options, DEFAULT_FILE)
        throttle.hold_to(settings.guard.rps)
    loop.freeze(collect=True)
    duration = options.z or 0.0
    guard = Guard()
    with guard.shut():
        guard.settle([endpoint.url], ())
        answers = Volley(endpoint, count=options.n, at_once=options.c, seconds=duration).fire()
    told = as_json if options.json else as_text
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a poor terminal has no bars, but figures
    sys.stdout.write(told(endpoint, answers, asked=0 if duration else options.n, at_once=options.c) + "\n")
    return Exit.PASS if answers.is_fine else Exit.FAIL


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("url", metavar="URL", help="http://HOST/PATH or https://HOST/PATH; nobody else is contacted")
    add("-n", type=int, default=200, metavar="N", help="requests in all (default: 200)")
    add("-c", type=int, default=50, metavar="N", help="requests at a time (default: 50)")
    add("-z", type=_duration, metavar="TIME", help="go on so long, such as 10s or 3m, whatever -n says")
    add("-m", metavar="METHOD", help="default: GET, or POST with -d")
    add("-H", action="append", default=[], metavar="'NAME: VALUE'", help="a header; may come several times")
    add("-d", default="", metavar="BODY", help="the body of each request")
    add("-t", type=_duration, default=20.0, metavar="TIME", help="for one request (default: 20s)")
    add("--json", action="store_true", help="print it as JSON")


def _duration(text: str) -> float:
    try:
        found = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < found <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0 and at most an hour")
    return found


def _endpoint(options: argparse.Namespace) -> Endpoint:
    try:
        parts = urlsplit(options.url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, good = urlsplit(""), False
    if not good or re.search(r"[\s\0]", options.url):
        raise UsageError("that is no address", "", "Give http://HOST/PATH or https://HOST/PATH")
    for _, value in parse_qsl(parts.query):
        know(value)
    headers = {}
    for line in options.H:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise UsageError("-H takes a header", "one that is given is none", "Write -H 'NAME: VALUE'")
        name, value = match.groups()
        headers[name] = value
        for secret in (value, value.rpartition(" ")[2]):  # Bearer SECRET
            know(secret)
    method = options.m or ("POST" if options.d else "GET")
    if not re.fullmatch(r"[A-Za-z]+", method):
        raise UsageError(f'"{method}" is no method', "", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    return Endpoint(options.url, method.upper(), headers, options.d, options.t)


def _check_amounts(options: argparse.Namespace) -> None:
    for flag, given, most in (("-n", options.n, MOST_REQUESTS), ("-c", options.c, MOST_AT_ONCE)):
        if not 1 <= given <= most:
            fix = "What is to bear more is a load test: rampdeck run"
            raise UsageError(f"{flag} {given} cannot be had", f"it is from 1 to {most:,}", fix)


def _check_target(settings: Config, options: argparse.Namespace, path: Path) -> None:
    """Refuse production as the configuration that is here knows it, and more at a time than it allows."""
    alone = settings.target.model_copy(update={"allowed_hosts": ()})
    if production := production_of(alone, [options.url]):
        fix = "Ask the staging host. A load of production that is meant is for rampdeck run, which asks first"
        raise UsageError("smoke never asks production", f"{production.sentence} ({path})", fix)
    if options.c > settings.guard.users:
        why = f"the most is {settings.guard.users}, by [guard] users in {path}"
        raise UsageError(f"-c {options.c} are too many", why, "Ask for fewer, or raise the ceiling")
