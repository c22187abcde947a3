"""The command line and the composition root: the only place that joins core, screen and collectors."""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import rampdeck
from rampdeck.errors import RampdeckError, UsageError
from rampdeck.exits import Exit

TEMPLATE = Path(__file__).parent / "template.toml"
USAGE = """Usage: rampdeck COMMAND [options]

  run       point the cockpit at a staging stack       rampdeck run --help
  worker    one of the processes that make its load     rampdeck worker --help
  demo      the whole thing against a small real stack on this machine
  init      find what is there, and write a commented rampdeck.toml
  preflight   look at the stack before the load        rampdeck preflight --help
=======
  preflight --commands    everything that the hosts would be sent
  smoke     ask one endpoint many times                rampdeck smoke --help
  report    print what came of a session again         rampdeck report --help

  --version   --help
"""

DEMO_USAGE = """\
Usage: rampdeck demo [--headless] [--fault NAME] ... [options of rampdeck run]
       rampdeck demo --preflight [--fault NAME] ... [options of rampdeck preflight]

The whole thing against a small real stack on this machine: Nginx, Gunicorn with a Django shop,
PostgreSQL, Redis. Without -u it goes through a plan of three stages, some three minutes. The
preflight comes first, and enter begins the load; --no-preflight or --autostart begin it at once.

Options:
  --fault NAME   break something, to see how it is found out; may be given several times

{faults}
"""


PREFLIGHT_USAGE = """\
Usage: rampdeck preflight [-c FILE] [--json] [--junit FILE] [--only NAME ...] [options of rampdeck run]
       rampdeck preflight --data | --save-baseline FILE | --commands [-c FILE] [--json]

Looks at the stack as a run would, without load and without leaving anything behind: is it the right
one, is it as production is, can everything be seen. Options of rampdeck run say what the run would be.

Options:
  -c FILE         default: rampdeck.toml, if it is here
  --on HOST       without a file: find by itself what is there on [user@]HOST[:PORT]
  --json          print it as JSON
  --junit FILE    write it as JUnit XML, too
  --only NAME     look at these checks only; several may follow
  --data          print what lies in the databases: rows, sizes, statistics, how warm they are
  --save-baseline FILE
                  write the settings of Django as a baseline that others are compared with
  --commit SHA, --image TAG
                  what is to be released
  --commands      print every command, statement and request that would be sent, and send nothing

Exit codes: 0 nothing stands against the load, 1 a check failed, 2 usage or configuration,
3 something could not be found out.
"""


def main(argv: list[str]) -> int:
    """Run a command; returns the exit code (see :class:`rampdeck.exits.Exit`)."""
    _open_what_is_closed()
    try:
        return _command(argv)
    except RampdeckError as error:
        print_error(error)
        return Exit.USAGE
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return Exit.STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left is not written at the exit either
        return 128 + signal.SIGPIPE
    except Exception:  # noqa: BLE001 - the supervising edge: a defect must not look like a FAIL
        print_defect()
        return Exit.SCENARIO


def _command(argv: list[str]) -> int:
    command, *rest = argv or ["--help"]
    if command == "run":
        return _run(rest)
    if command == "worker":
        return _worker(rest)
    if command == "demo":
        return _demo(rest)
    if command == "init":
        return _init(rest)
    if command == "preflight":
        return _preflight(rest)
    if command == "smoke":
        return _smoke(rest)
    if command == "report":
        return _report(rest)
    if command == "flows":  # for the preflight, not for people
        return _flows(rest)
    if command in ("--version", "-V"):
        _print(f"rampdeck {rampdeck.__version__}")
        return Exit.PASS
    if command in ("--help", "-h", "help"):
        _print(USAGE.rstrip())
        return Exit.PASS
    raise UsageError(f'there is no command "{command}"', "", "See rampdeck --help")


def _open_what_is_closed() -> None:
    """Let descriptors 0 to 2 lead somewhere: else the first file that is opened would become the output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free, which is this one
        if getattr(sys, name) is None:
            stream = open(number, "r" if number == 0 else "w", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def print_error(error: RampdeckError) -> None:
    """Write what failed, why and what to do to stderr, one line each."""
    from rampdeck.secrets import redact

    lines = [f"rampdeck: {error.what}"]
    lines += [f"  why  {error.why}"] if error.why else []
    lines += [f"  do   {error.fix}"] if error.fix else []
    sys.stderr.write(redact("\n".join(lines)) + "\n")


def print_defect() -> None:
    """Write the traceback of the exception that is handled to stderr, without secrets."""
    from rampdeck.secrets import redact

    sys.stderr.write(redact(traceback.format_exc()))
    sys.stderr.write("rampdeck: Rampdeck has a defect. Please report it, with the lines above.\n")


def sibling(name: str) -> ModuleType:
    """Import ``tui`` or ``collectors``: inside the package when installed, beside it in a checkout."""
    installed = importlib.util.find_spec(f"rampdeck.{name}")
    return importlib.import_module(f"rampdeck.{name}" if installed else name)


def scenario(name: str) -> Path:
    """Return the file of a scenario that comes with Rampdeck; it is loaded by path, never imported."""
    package = Path(__file__).parent
    inside = package / "scenarios"
    return (inside if inside.is_dir() else package.parent / "scenarios") / f"{name}.py"


def _run(argv: list[str]) -> int:
    # A program that starts makes no garbage worth the search; loop.freeze() switches it on again.
    gc.disable()
    # Patches the process, so it comes before everything that opens a socket.
    from rampdeck import loop  # noqa: F401
    from rampdeck.engine import options

    if {"-h", "--help"} & set(argv):
        options.parser().print_help()
        return Exit.PASS
    from rampdeck import launch

    return launch.launch(argv, launch.Parts(sibling("collectors").COLLECTORS, _cockpit))


def _worker(argv: list[str]) -> int:
    gc.disable()
    from rampdeck import loop  # noqa: F401
    from rampdeck.engine import options

    if {"-h", "--help"} & set(argv):
        options.parser("rampdeck worker").print_help()
        return Exit.PASS
    from rampdeck.workers.work import work

    return work(argv)


def _cockpit() -> ModuleType:
    """Import the screen; only a run that has one pays for it."""
    return sibling("tui")


def _demo(argv: list[str]) -> int:
    from rampdeck import loop  # noqa: F401
    from rampdeck.demo import faults
    from rampdeck.demo.stack import DemoStack
    from rampdeck.demo.toml import write_configuration

    parser = _Parser(prog="rampdeck demo", add_help=False, allow_abbrev=False)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--preflight", action="store_true")
    options, argv = parser.parse_known_args(argv)
    if {"-h", "--help"} & set(argv) or "list" in options.fault:
        _print(DEMO_USAGE.format(faults=faults.listed()).rstrip())
        return Exit.PASS
    broken = faults.checked(options.fault)
    if "--headless" not in argv and not options.preflight:
        if sys.stdin.isatty() and (sys.stdout.isatty() or sys.stderr.isatty()):
            if "--no-preflight" in argv or os.environ.get("RAMPDECK_NO_PREFLIGHT"):
                argv = ["--autostart", *argv]  # otherwise enter on the preflight begins it
        else:
            sys.stderr.write("There is no terminal here, so the demo runs headless.\n")
            argv = ["--headless", *argv]
    sys.stderr.write("Starting a small staging stack on this machine ...\n")
    for name in broken:
        sys.stderr.write(f"Broken on purpose, {name}: {faults.FAULTS[name].text}.\n")
    with DemoStack(faults=broken) as info:
        for part, why in info.missing.items():
            sys.stderr.write(f"Left out, {part}: {why}\n")
        toml = write_configuration(info, scenario("shop"), broken)
        os.environ["RAMPDECK_USERS_CSV"] = str(info.users)
        if options.preflight:
            return _preflight(["-c", str(toml), *argv])
        if any(not faults.FAULTS[name].check for name in broken):
            argv = ["--go-on", *argv]  # it is to be found out by the load, whatever is seen before
        return _run(["-c", str(toml), *argv])


def _init(argv: list[str]) -> int:
    from rampdeck import loop  # noqa: F401 - it patches the process
    from rampdeck.discovery import command

    if {"-h", "--help"} & set(argv):
        _print(command.USAGE.rstrip())
        return Exit.PASS
    parser = _Parser(prog="rampdeck init", add_help=False, allow_abbrev=False)
    return command.init(argv, parser, sibling("collectors").COLLECTORS)


def _preflight(argv: list[str]) -> int:
    from rampdeck import loop  # noqa: F401 - it patches the process
    from rampdeck.preflight import command

    parser = _Parser(prog="rampdeck preflight", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--commands", action="store_true")
    own, rest = command.options_of(argv, parser)
    if own.help:
        _print(PREFLIGHT_USAGE.rstrip())
        return Exit.PASS
    if own.commands:
        return _print_commands(rest, as_json=own.json)
    wish = command.Wanted(own.json, own.junit, tuple(own.only), own.data, own.save_baseline)
    return command.inspect(wish, rest, sibling("collectors").COLLECTORS)


def _print_commands(argv: list[str], *, as_json: bool) -> int:
    from rampdeck import config
    from rampdeck.discovery.finder import asks as discovery
    from rampdeck.preflight import commands
    from rampdeck.preflight.checks import ASKS as QUESTIONS
    from rampdeck.wanted import DEFAULT_FILE

    parser = _Parser(prog="rampdeck preflight --commands")
    parser.add_argument("-c", "--configuration", type=Path)
    path = parser.parse_args(argv).configuration or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    settings = config.load(path) if path else commands.example(TEMPLATE)
    whence = str(path or "no configuration: the example of rampdeck init, with everything in it switched on")
    # With a file nobody looks for what is there.
    questions = QUESTIONS if path else (*QUESTIONS, discovery)
    found = commands.everything(settings, sibling("collectors").COLLECTORS, questions)
    _print((commands.as_json if as_json else commands.as_text)(settings, found, whence))
    return Exit.PASS


def _flows(argv: list[str]) -> int:
    from rampdeck import loop  # noqa: F401
    from rampdeck.preflight.flows import flows

    return flows(argv)


def _smoke(argv: list[str]) -> int:
    gc.disable()
    from rampdeck import loop  # noqa: F401 - it patches the process
    from rampdeck.smoke.command import smoke

    text = "Ask one endpoint many times: is it there, and how quick? No release evidence."
    return smoke(argv, _Parser(prog="rampdeck smoke", description=text))


def _report(argv: list[str]) -> int:
    from rampdeck.report.command import options_of, report
    from rampdeck.report.rebuild import Kinds

    options = options_of(argv, _Parser(prog="rampdeck report"))
    return report(options, Kinds.of(sibling("collectors").COLLECTORS))


class _Parser(argparse.ArgumentParser):
    """One whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong."""
        raise UsageError(self.prog, message, f"See {self.prog} --help")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
