"""The house rules that a machine can check; CONTRIBUTING.md says the rest."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
SHIPPED = ("rampdeck", "tui", "collectors", "scenarios")
OURS = (*SHIPPED, "tests", "bench")

MODULE_LINES = 400
FUNCTION_LINES = 60

SUPERVISING_EDGES = {
    "rampdeck/preflight/inspection.py::_found": "a defect in one check must not hide the others",
    "rampdeck/preflight/django/probe/telling.py::told": "an application may raise anything; it is told",
    "rampdeck/supervise.py::guarded": "a defect in one collector must stay in its own pane",
    "rampdeck/duties.py::guarded": "a defect of ours stops the load, is recorded, ends with its exit code",
    "rampdeck/duties.py::attempt": "the same, for what a run does as its last",
    "rampdeck/cli.py::main": "a defect must not end with the exit code of a FAIL",
    "rampdeck/headless/outputs.py::_whole": "an output with a defect costs no other one",
    "rampdeck/record/write.py::write": "a part of the record with a defect costs no other one",
    "rampdeck/store/writer.py::_close": "a session file is ended, whatever the sums of it are",
    "rampdeck/engine/loader.py::load": "a user's locustfile may raise anything; it becomes one clear message",
    "rampdeck/engine/flows.py::_do": "a flow that is tried may raise anything; it becomes one failure",
    "rampdeck/loop.py::_outcome": "whatever happens on one side is raised again on the other",
}
"""The only functions that may catch everything, and why."""

HEAVY = {"locust", "gevent", "textual", "asyncssh"}
"""What a program that only judges a finished session must not have to load."""


def modules() -> list[Path]:
    """Every Python file of ours."""
    return sorted(path for folder in OURS for path in (ROOT / folder).rglob("*.py"))


def where(path: Path, line: int | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return f"{name}:{line}" if line else name


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


# --- Size --------------------------------------------------------------------


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {where(path): len(path.read_text().splitlines()) for path in modules()}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_a_function_fits_on_a_screen() -> None:
    long = {
        f"{where(path, function.lineno)} {function.name}": lines
        for path in modules()
        for function in functions(ast.parse(path.read_text()))
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


# --- Errors ------------------------------------------------------------------


def test_only_supervising_edges_catch_everything() -> None:
    catching = {
        f"{where(path)}::{function}"
        for path in modules()
        for function in catches_everything(path.read_text())
    }
    assert catching - set(SUPERVISING_EDGES) == set(), "not a supervising edge"
    assert set(SUPERVISING_EDGES) - catching == set(), "no longer there: take it off the list"


@pytest.mark.parametrize(
    "statement",
    [
        "try:\n  f()\nexcept:\n  pass",
        "try:\n  f()\nexcept Exception:\n  pass",
        "try:\n  f()\nexcept (ValueError, BaseException) as error:\n  print(error)",
        "with contextlib.suppress(Exception):\n  f()",
    ],
)
def test_every_way_of_catching_everything_is_seen(statement: str) -> None:
    assert list(catches_everything(statement)) == ["<module>"]


@pytest.mark.parametrize(
    "statement",
    [
        "try:\n  f()\nexcept ValueError:\n  pass",
        "try:\n  f()\nexcept BaseException:\n  tidy()\n  raise",
        "with contextlib.suppress(OSError):\n  f()",
    ],
)
def test_a_named_error_and_tidying_up_are_fine(statement: str) -> None:
    assert list(catches_everything(statement)) == []


def catches_everything(source: str) -> Iterator[str]:
    """The innermost function around each place that hides any error whatever."""
    tree = ast.parse(source)
    owner: dict[ast.AST, str] = {}
    for function in functions(tree):  # breadth first: the innermost comes last
        owner.update(dict.fromkeys(ast.walk(function), function.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            raised_again = isinstance(last, ast.Raise) and last.exc is None
            hides = (node.type is None or is_anything(node.type)) and not raised_again
        elif isinstance(node, ast.Call) and name_of(node.func) == "suppress":
            hides = any(is_anything(argument) for argument in node.args)
        else:
            hides = False
        if hides:
            yield owner.get(node, "<module>")


def is_anything(error: ast.expr) -> bool:
    parts = error.elts if isinstance(error, ast.Tuple) else [error]
    return any(name_of(part) in {"Exception", "BaseException"} for part in parts)


def name_of(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


# --- Colour, places ----------------------------------------------------------

HEX_COLOUR = re.compile(r"[\w-]\s*:[^;{}]*#[0-9a-fA-F]{3,8}\b[^;{}]*[;}]")


def test_stylesheets_name_colours_by_their_meaning() -> None:
    sheets = [path for folder in SHIPPED for path in (ROOT / folder).rglob("*.tcss")]
    assert sheets
    found = {where(path): HEX_COLOUR.findall(without_comments(path.read_text())) for path in sheets}
    assert {name: colours for name, colours in found.items() if colours} == {}


@pytest.mark.parametrize(
    "rule", ["#bed { color: #fff; }", "Pane { $accent: #12ab34 }", "Pane{border:round #aaa 50%;}"]
)
def test_a_colour_by_number_is_seen(rule: str) -> None:
    assert HEX_COLOUR.search(rule)


@pytest.mark.parametrize(
    "rule", ["#bed { color: $text; }", "Pane:hover #fade { width: 1fr; &:focus #add { height: 1; } }"]
)
def test_the_name_of_a_widget_is_no_colour(rule: str) -> None:
    assert not HEX_COLOUR.search(rule)


def without_comments(sheet: str) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)


def test_no_file_names_a_registry_or_somebody_s_home() -> None:
    files = [
        ROOT / name
        for name in ("requirements.lock", "pyproject.toml", "Makefile", "scripts/setup", ".ci/run")
    ]
    files += sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    registry = r"\b(?:pypi|pythonhosted|piwheels|anaconda)\.\w+|--(?:extra-)?index-url|--find-links"
    home = r"(?<![\w.$}~-])/(?:home|root|Users)/\w+"
    found = {where(path): re.findall(f"{registry}|{home}", path.read_text()) for path in files}
    assert {name: places for name, places in found.items() if places} == {}


# --- The lock file -----------------------------------------------------------


def pins() -> dict[str, list[Requirement]]:
    """What requirements.lock pins; a package may have a pin for each range of Pythons."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def asked_for() -> list[Requirement]:
    """What pyproject.toml asks for: to run, for the demo, to develop and to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["demo"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    return [Requirement(line) for line in lines]


def test_the_lock_holds_exact_versions_and_nothing_else() -> None:
    for name, choices in pins().items():
        for pin in choices:
            assert re.fullmatch(r"==[\w.!+]+", str(pin.specifier)), f"{name} is not pinned: {pin}"
            assert pin.url is None, f"{name} comes from a place of its own: {pin}"


def test_the_lock_satisfies_what_pyproject_asks_for() -> None:
    locked = pins()
    for wanted in asked_for():
        choices = locked.get(canonicalize_name(wanted.name), [])
        assert choices, f"{wanted} is not in requirements.lock: make lock"
        for pin in choices:
            version = Version(str(pin.specifier).removeprefix("=="))
            assert version in wanted.specifier, (
                f"pyproject.toml asks for {wanted}, the lock has {pin}: make lock"
            )


def test_the_lock_pins_what_its_packages_need_in_turn() -> None:
    locked = pins()
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = asked_for()
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        if key[0] not in locked:
            missing.add(key[0])
        todo += needs(wanted)
    assert missing == set(), "not in requirements.lock: make lock"


def needs(wanted: Requirement) -> list[Requirement]:
    """What an installed package needs on this Python, with the extras asked for."""
    try:
        lines = requires(wanted.name) or []
    except PackageNotFoundError:
        pytest.fail(f"{wanted.name} is not installed: run the tests by make test")
    found = [Requirement(line) for line in lines]
    extras = wanted.extras or {""}
    return [
        need for need in found if not need.marker or any(need.marker.evaluate({"extra": e}) for e in extras)
    ]


# --- What a module loads -----------------------------------------------------


@pytest.mark.parametrize(
    "module",
    [
        "rampdeck",
        "rampdeck.errors",
        "rampdeck.model",
        "rampdeck.gate",
        "rampdeck.config",
        "rampdeck.record",
        "rampdeck.report.command",
    ],
)
def test_judging_a_session_loads_no_engine_and_no_screen(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.stderr == ""
    assert answer.stdout.split() == []
