"""``rampdeck report``: every output of a session again, from its file alone."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from rampdeck.errors import UsageError
from rampdeck.exits import Exit
from rampdeck.headless.documents import document
from rampdeck.record.result import Result
from rampdeck.record.write import replace
from rampdeck.report.rebuild import Kinds, Rebuilt, file_of, rebuild
from rampdeck.secrets import redact
from rampdeck.store.reader import SessionReader
from rampdeck.text import clean

FORMATS = {
    "md": "Markdown, as in record.md",
    "json": "JSON, as in record.json",
    "html": "one HTML page that needs nothing else, as record.html",
    "junit": "JUnit XML, one case a threshold and step, as record.xml",
    "summary": "Markdown short enough for a pipeline's summary page",
    "text": "the table that a headless run ends with (default)",
}
"""What can be printed."""
_ABOUT = """Print what came of a session again, from its file alone. What it says is worked out anew from
all that was recorded, and is what the run itself said. A session that was killed, or still goes on, is
reported up to its last commit, a second ago at most."""
_AFTER = """Exit code: 0 when it could be printed, whatever it says; with --exit-code that of the run: 0 PASS,
1 FAIL, 3 INCONCLUSIVE, 4 stopped by the operator, 5 the scenario broke. 2: the file or the command line
is wrong. With --verify: 0 when record and session are what the run left, else 1."""


def options_of(argv: Sequence[str], parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line."""
    parser.description, parser.epilog = _ABOUT, _AFTER
    parser.add_argument("file", metavar="FILE", type=Path, help="the session file, or its folder")
    kinds = parser.add_mutually_exclusive_group()
    for name, about in FORMATS.items():
        kinds.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=about)
    kinds.add_argument("--csv", metavar="PREFIX", help="CSV files in Locust's layout: PREFIX_stats.csv ...")
    kinds.add_argument("--verify", action="store_true", help="tell whether record and session were changed")
    parser.add_argument("-o", "--output", metavar="PATH", type=Path, help="write it into a file")
    parser.add_argument(
        "--threshold",
        metavar="EXPR",
        action="append",
        default=[],
        help="judge by this instead; may be given again",
    )
    parser.add_argument("--exit-code", action="store_true", help="end with the exit code of the verdict")
    options = parser.parse_args(argv)
    if options.output and (options.csv or options.verify):
        raise UsageError(parser.prog, "-o takes one document", "Leave it out with --csv and --verify")
    return options


def report(options: argparse.Namespace, kinds: Kinds) -> int:
    """Print what is wanted; returns the exit code.

    Raises :class:`SessionError`, :class:`RecordError` or :class:`UsageError` when it cannot be had.
    """
    if options.verify:
        return _verify(options.file)
    path = file_of(options.file)
    gc.disable()  # a program that ends soon: the search for cycles among a million objects finds none
    if options.format == "html":
        from rampdeck.report.pages import page_of_file

        text, rebuilt = page_of_file(path, kinds, options.threshold)
    else:
        rebuilt = rebuild(path, kinds, options.threshold)
        text = "" if options.csv else _text(options.format or "text", rebuilt.result)
    for warning in rebuilt.result.warnings:
        sys.stderr.write(f"Note: {clean(redact(warning))}\n")
    if options.csv:
        _csv(path, rebuilt, options.csv)
    elif options.output:
        replace(options.output, text)
    else:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return rebuilt.outcome.exit(rebuilt.result.result) if options.exit_code else Exit.PASS


def _text(kind: str, result: Result) -> str:
    if kind == "text":
        from rampdeck.headless.console import final_table

        return final_table(result)
    return document(kind, result)


def _csv(path: Path, rebuilt: Rebuilt, prefix: str) -> None:
    from rampdeck.record.locustcsv import locust_csv

    raised = [(count, text, "", ()) for text, count in rebuilt.outcome.raised.items()]
    with SessionReader(path) as reader:
        files = locust_csv(reader.batches(), raised=raised)
    for name, text in files.items():
        replace(Path(prefix + name), text)
        sys.stderr.write(f"{prefix}{name} is written.\n")


def _verify(path: Path) -> int:
    from rampdeck.report.verify import verify

    good, lines = verify(path)
    sys.stdout.write("\n".join(lines) + "\n")
    return Exit.PASS if good else Exit.FAIL
