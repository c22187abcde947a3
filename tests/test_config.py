"""The configuration file: what it says is checked before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rampdeck.collector import CollectorConfig
from rampdeck.config import Config, load, seconds, secret, validate
from rampdeck.errors import UsageError
from rampdeck.model import Stage


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "rampdeck.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "rampdeck.toml") in str(caught.value)
    return str(caught.value)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "").load == Config().load


def test_thresholds_that_are_not_given_are_not_the_same_as_none_at_all(tmp_path: Path) -> None:
    assert read(tmp_path, "").gate.thresholds is None
    assert read(tmp_path, "[gate]\nthresholds = []").gate.thresholds == ()


def test_the_commented_template_holds_the_plan_of_a_release_test() -> None:
    plan = load(Path(__file__).parent.parent / "rampdeck" / "template.toml").plan()
    assert [(stage.name, stage.users, stage.hold) for stage in plan] == [
        ("baseline", 20, 300),
        ("peak", 50, 600),
        ("spike, from", 10, 10),
        ("spike, to", 100, 30),
    ]
    assert plan[3].spawn_rate == 0.75, "90 more users over two minutes"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[laod]\nstep = 1", 'unknown key "laod"; did you mean "load"?'),
        ("[load]\nmax_user = 1", 'unknown key "load.max_user"; did you mean "max_users"?'),
        ("[hosts.web]\nadress = 'x'", 'unknown key "hosts.web.adress"; did you mean "address"?'),
        (
            "[[stages]]\nname='a'\nusers=1\nhold='1m'\nspwan_rate=1",
            'unknown key "stages.0.spwan_rate"; did you mean "spawn_rate"?',
        ),
        ("[load]\nstep = 0", '"load.step"'),
        ("[generator]\nlags = 5", 'unknown key "generator.lags"; did you mean "lag"?'),
        ("[generator]\ncpu = 0", '"generator.cpu"'),
        ("[load]\nsettle = 'soon'", '"soon" is no duration; write 30s, 5m or 1h30m'),
        ("[target]\nhost = 'staging'", '"staging" is no address; write http://HOST or https://HOST'),
        (
            "[[stages]]\nname='a'\nusers=1\nhold=1\nspawn_rate=1\nramp=1",
            "give spawn_rate or ramp, not both",
        ),
        ("[load\nstep = 1", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


def test_many_mistakes_are_not_all_recited(tmp_path: Path) -> None:
    text = "".join(f"wrong{number} = 1\n" for number in range(9))
    assert refused(tmp_path, text).endswith("and 6 more")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(UsageError, match="is not valid TOML"):
        load(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("10s", 10),
        ("90", 90),
        (" 1.5s ", 1.5),
        (7, 7),
        (0.25, 0.25),
        ("1h1m1s", 3661),
    ],
)
def test_durations(text: object, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "fast", "5 minutes", "-3s", -1, True, None, "1d"])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[scenario]\nfile = 'load/locustfile.py'\n[record]\nfolder = '/var/sessions'\n"
        "[hosts.web]\nidentity_file = 'keys/id'\nknown_hosts = '~/known'",
    )
    assert config.scenario.file == tmp_path / "load/locustfile.py"
    assert config.record.folder == Path("/var/sessions")
    assert config.hosts["web"].identity_file == tmp_path / "keys/id"
    assert config.hosts["web"].known_hosts == Path("~/known").expanduser()


class CacheTable(CollectorConfig):
    password_file: Path | None = None
    journal_file: str = ""


def test_a_secret_beside_the_file_is_found_from_any_folder_but_a_path_on_a_host_is_left_alone(
    tmp_path: Path,
) -> None:
    config = read(
        tmp_path,
        "[[collectors]]\nkind = 'cache'\npassword_file = 'keys/cache'\njournal_file = 'log/app'\n"
        "[[collectors]]\nkind = 'cache'\npassword_file = '/etc/cache'",
    )
    beside, elsewhere = (
        config.anchored(validate(CacheTable, table, "[[collectors]]")) for table in config.collectors
    )
    assert beside.password_file == tmp_path / "keys/cache"
    assert beside.journal_file == "log/app"
    assert elsewhere.password_file == Path("/etc/cache")


def test_what_the_file_leaves_out_is_still_known_as_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "[load]\nstep = 5").load.model_fields_set == {"step"}


def test_the_plan_works_spawn_rates_out_of_ramps(tmp_path: Path) -> None:
    text = """
    load.spawn_rate = 4
    stages = [
      { name = "baseline", users = 20, hold = "5m" },
      { name = "spike", users = 100, ramp = "2m", hold = "10s" },
      { name = "down", users = 40, ramp = "30s", hold = 5 },
      { name = "fast", users = 50, spawn_rate = 10, hold = 5 },
      { name = "same", users = 50, ramp = "10s", hold = 5 },
    ]
    """
    assert read(tmp_path, text).plan() == (
        Stage("baseline", 20, 4.0, 300),
        Stage("spike", 100, 80 / 120, 10),
        Stage("down", 40, 2.0, 5),
        Stage("fast", 50, 10, 5),
        Stage("same", 50, 0.01, 5),
    )


def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pw").write_text("from the file\n")
    monkeypatch.setenv("RAMPDECK_TEST_PW", "from the environment")
    assert secret("RAMPDECK_TEST_PW", None, "postgres") == "from the environment"
    assert secret("", tmp_path / "pw", "postgres") == "from the file"
    assert secret("", None, "postgres") is None
    with pytest.raises(UsageError, match="the environment variable RAMPDECK_TEST_NONE is not set"):
        secret("RAMPDECK_TEST_NONE", None, "postgres")
    with pytest.raises(UsageError, match="cannot read"):
        secret("", tmp_path / "none", "postgres")
