"""A locustfile that cannot be run gives one clear message with its place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from rampdeck.engine import loader, options
from rampdeck.errors import ScenarioError, UsageError

pytestmark = pytest.mark.usefixtures("own_events")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(folder: Path, text: str, name: str = "locustfile.py") -> loader.Loaded:
    (folder / name).write_text(textwrap.dedent(text))
    return loader.load([str(folder / name)])


USER = "from locust import HttpUser, task\nclass U(HttpUser):\n    @task\n    def t(self): pass\n"


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("import locust\nclass U(:\n", "locustfile.py, line 2", "SyntaxError"),
        ("import locust\n\nimport nowhere_to_be_found\n", "locustfile.py, line 3", "nowhere_to_be_found"),
        ("x = 1\n", "locustfile.py", "has no user class"),
        ("import sys\nsys.exit('no staging here')\n", "locustfile.py", "no staging here"),
        ("x = {}\ny = x['key']\n", "locustfile.py, line 2", "KeyError"),
        (
            USER + "from locust import run_single_user\nrun_single_user(U)\n",
            "line 6",
            "while it is being imported",
        ),
        (USER + "from locust.main import main\nmain()\n", "line 6", "while it is being imported"),
        (
            USER
            + "from locust.env import Environment\n"
            + "runner = Environment(user_classes=[U]).create_local_runner()\nrunner.start(1, 1)\n",
            "line 7",
            "while it is being imported",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Path, text: str, place: str, why: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(folder, text)
    assert place in str(caught.value)
    assert why in str(caught.value)


def test_a_defect_in_a_module_of_the_user_is_told_where_it_is(folder: Path) -> None:
    (folder / "helpers.py").write_text("\n\nbroken = 1 / 0\n")
    with pytest.raises(ScenarioError, match=r"helpers\.py, line 3: ZeroDivisionError"):
        load(folder, "import helpers\n")


def test_running_a_single_user_works_again_after_loading(folder: Path) -> None:
    loaded = load(folder, USER + "from locust import run_single_user\nkept = run_single_user\n")
    assert list(loaded.user_classes) == ["U"]
    import locust
    from locust.debug import run_single_user

    assert locust.run_single_user is run_single_user


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(ScenarioError, match=r"Could not find 'nowhere\.py'"):
        options.locustfiles(["-f", "nowhere.py"], None)


def test_the_configured_file_counts_when_the_command_line_names_none(folder: Path) -> None:
    (folder / "mine.py").write_text(USER)
    (folder / "other.py").write_text(USER)
    assert options.locustfiles([], folder / "mine.py") == [str(folder / "mine.py")]
    assert options.locustfiles(["-f", "other.py"], folder / "mine.py") == [str(folder / "other.py")]


def test_an_unknown_user_class_is_told_with_the_nearest(folder: Path) -> None:
    loaded = load(folder, USER.replace("class U(", "class Visitor("))
    with pytest.raises(ScenarioError, match='no user class "Visiter"; did you mean "Visitor"'):
        loader.environment_for(loaded, options.parse(["-f", "locustfile.py", "Visiter"]))


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--user", "x"], "invalid"),
        (["--no-such-option"], "no-such-option"),
        (["--worker"], "rampdeck worker"),
        (["--otel"], "use locust itself"),
        (["--csv-full-history"], "requires --csv"),
        (["--print-stats"], "the cockpit shows the figures"),
        (["--class-picker", "--headless"], "Name the classes at the end"),
        (["--class-picker", "--autostart"], "does not wait"),
        (["--autoquit", "3"], "--autostart"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(folder: Path, argv: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        options.parse(argv)


def test_locust_conf_and_variables_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "locust.conf").write_text("users = 7\nhost = http://127.0.0.1:1\n")
    monkeypatch.setenv("LOCUST_SPAWN_RATE", "3")
    parsed = options.parse(["-t", "1m30s"])
    assert (parsed.num_users, parsed.host, parsed.spawn_rate, parsed.run_time) == (
        7,
        "http://127.0.0.1:1",
        3,
        90,
    )
