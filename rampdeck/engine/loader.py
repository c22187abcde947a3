"""Loading a scenario: locustfiles in, user classes and a shape out.

A locustfile is a stranger's program. Whatever it does while it is imported
(a syntax error, a missing module, ``sys.exit``, a run of its own) becomes one
:class:`ScenarioError` with file and line.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import locust
from locust.env import Environment
from locust.main import create_environment, merge_locustfiles_content
from locust.runners import LocalRunner
from locust.shape import LoadTestShape

from rampdeck.config import nearest
from rampdeck.engine import wire
from rampdeck.engine.ceilings import make_local
from rampdeck.engine.options import speaking
from rampdeck.errors import ScenarioError

OPEN_FILES = 10_000
"""What Locust raises the soft limit of open files to; a user needs at least one."""

SPARE_FILES = 100
"""Open files that the program itself may need: the session file, collectors, SSH, libraries."""

_ASKED = "EOF when reading a line"
"""What ``input()`` says where nobody can answer."""


@dataclass(frozen=True)
class Loaded:
    """What the locustfiles hold, as Locust's own loader gives it."""

    files: tuple[str, ...]
    user_classes: dict[str, Any]
    shape_classes: dict[str, Any]
    user_tasks: dict[str, Any]
    shape: LoadTestShape | None

    @property
    def name(self) -> str:
        """Return the scenario's name: the file's stem."""
        return Path(self.files[0]).stem


def load(files: Sequence[str]) -> Loaded:
    """Import the locustfiles.

    Raises :class:`ScenarioError` that names the file and the line.
    """
    _own_package_aside(Path(files[0]).parent)
    try:
        with speaking(ScenarioError, _place(files[0])), _no_run_at_import(), _pytest_only_for_tests(files):
            users, shapes, tasks, shape = merge_locustfiles_content(list(files))
    except ScenarioError as error:
        # sys.exit() of the locustfile and of Locust's loader look alike.
        raise error.with_traceback(None) from None
    except SyntaxError as error:
        where = f"{_place(error.filename or files[0])}, line {error.lineno}"
        raise ScenarioError(where, f"{type(error).__name__}: {error.msg}") from None
    except EOFError as error:
        if str(error) != _ASKED:
            raise ScenarioError(_where(error, files), f"{type(error).__name__}: {error}") from None
        fix = "Take it from an option of the command line or from an environment variable"
        raise ScenarioError(_where(error, files), "the locustfile asks on stdin", fix) from None
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything; it is reported
        raise ScenarioError(_where(error, files), f"{type(error).__name__}: {error}") from None
    if not users:
        fix = "Define a class based on HttpUser or FastHttpUser that is not abstract"
        raise ScenarioError(_place(files[0]), "has no user class", fix)
    return Loaded(tuple(files), users, shapes, tasks, shape)


def environment_for(
    loaded: Loaded,
    options: Namespace,
    make_runner: Callable[[Environment], object] = make_local,
) -> Environment:
    """Return Locust's environment for what was loaded, with the runner that is made for it.

    Raises :class:`ScenarioError` for a user class that does not exist or
    cannot be configured.
    """
    classes = _chosen(loaded, options)
    with speaking(ScenarioError, "the scenario cannot be prepared"):
        try:
            environment: Environment = create_environment(
                classes,
                options,
                events=locust.events,
                shape_class=loaded.shape,
                locustfile=Path(loaded.files[0]).name,
                parsed_locustfiles=list(loaded.files),
                available_user_classes=loaded.user_classes,
                available_shape_classes=loaded.shape_classes,
                available_user_tasks=loaded.user_tasks,
            )
            for settings in options.config_users or ():
                for setting in settings:
                    environment.update_user_class(setting)
        except (ValueError, KeyError) as error:
            raise ScenarioError("the scenario cannot be prepared", str(error)) from None
    if options.equal_weights:
        environment.events.init.add_listener(lambda environment, **_: environment.assign_equal_weights())
    raise_open_files()
    wire.install(stamping=not options.no_wire_clock)
    make_runner(environment)
    return environment


def raise_open_files() -> None:
    """Raise the soft limit of open files as Locust does, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def too_few_files(users: int) -> str:
    """Raise the soft limit of open files for so many users; say what is wrong if that is not enough.

    A user keeps at least one connection open; the program itself needs some files too.
    """
    needed = users + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return ""
    if hard == resource.RLIM_INFINITY or hard >= needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        return ""
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (
        f"{users} users need about {needed} open files, but this process may have {hard} (ulimit -Hn): "
        f"from about {max(hard - SPARE_FILES, 0)} users on connections will fail here, not at the server. "
        f"Raise the hard limit: nofile in /etc/security/limits.conf, LimitNOFILE= in a unit, "
        f"--ulimit nofile={needed} in a container"
    )


def _chosen(loaded: Loaded, options: Namespace) -> list[Any]:
    """Return the user classes that the command line picks, or all."""
    if not options.user_classes:
        return list(loaded.user_classes.values())
    for name in options.user_classes:
        if name not in loaded.user_classes:
            known = ", ".join(loaded.user_classes)
            hint = nearest(name, loaded.user_classes)
            raise ScenarioError(f'no user class "{name}"{hint}', f"{_place(loaded.files[0])} has {known}")
    return [loaded.user_classes[name] for name in dict.fromkeys(options.user_classes)]


def _where(error: BaseException, files: Sequence[str]) -> str:
    """Return the innermost place of a failure that lies in the user's own folder."""
    frames = traceback.extract_tb(error.__traceback__)
    folders = {str(Path(file).parent) for file in files}
    own = [frame for frame in frames if str(Path(frame.filename).parent) in folders]
    if own:
        return f"{_place(own[-1].filename)}, line {own[-1].lineno}"
    return _place(files[0])


def _place(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextlib.contextmanager
def _no_run_at_import() -> Iterator[None]:
    """Refuse a locustfile that starts a run while it is imported: it would never return."""

    def refuse(*_: object, **__: object) -> NoReturn:
        caller = next(
            (
                frame
                for frame in reversed(traceback.extract_stack())
                if frame.filename != __file__ and "locust" not in Path(frame.filename).parts[-2:-1]
            ),
            None,
        )
        where = f"{_place(caller.filename)}, line {caller.lineno}" if caller else "the locustfile"
        fix = 'Put it under  if __name__ == "__main__":'
        raise ScenarioError(where, "starts a run while it is being imported", fix)

    doors: list[tuple[Any, str]] = [
        (locust, "run_single_user"),
        (locust.debug, "run_single_user"),
        (locust.main, "main"),
        (LocalRunner, "start"),
        (Environment, "create_master_runner"),
        (Environment, "create_worker_runner"),
    ]
    kept = [getattr(owner, name) for owner, name in doors]
    closed = True

    def guard(original: Any) -> Any:
        # A locustfile keeps what it imported; after the import it must work again.
        return lambda *args, **kwargs: refuse() if closed else original(*args, **kwargs)

    for (owner, name), original in zip(doors, kept, strict=True):
        setattr(owner, name, guard(original))
    try:
        yield
    finally:
        closed = False
        for (owner, name), original in zip(doors, kept, strict=True):
            setattr(owner, name, original)


@contextlib.contextmanager
def _pytest_only_for_tests(files: Sequence[str]) -> Iterator[None]:
    """Let Locust collect a file with pytest only if it has tests.

    Otherwise a file without a user class, or a machine without pytest, would
    get pytest's complaint instead of ours.
    """
    module: Any = locust.main
    original = module.load_locustfile_pytest
    if not any("def test_" in Path(file).read_text(encoding="utf-8", errors="replace") for file in files):
        module.load_locustfile_pytest = lambda _: {}
    try:
        yield
    finally:
        module.load_locustfile_pytest = original


def _own_package_aside(folder: Path) -> None:
    """Refuse a user's package that hides one of ours; it happens in a checkout only.

    Installed, ours live inside ``rampdeck`` and nothing can clash.
    """
    for name in ("tui", "collectors"):
        module = sys.modules.get(name)
        theirs = next(
            (path for path in (folder / f"{name}.py", folder / name / "__init__.py") if path.exists()), None
        )
        if (
            module is not None
            and theirs is not None
            and Path(str(module.__file__)).resolve() != theirs.resolve()
        ):
            fix = "Install rampdeck (pip install .) instead of running its checkout, or rename the module"
            raise ScenarioError(_place(str(theirs)), f'has the name of Rampdeck\'s own folder "{name}"', fix)
