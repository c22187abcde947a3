"""With what a session was run stands in every record: its command line and its configuration."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from rampdeck.config import Config
from rampdeck.record.html import Page, html
from rampdeck.record.json import dumps
from rampdeck.record.markdown import markdown
from rampdeck.record.settings import MOST_LINES, Settings, lines
from rampdeck.store import SessionWriter
from rampdeck.store.about import about
from rampdeck.store.reader import SessionReader
from tests.record.pages import page
from tests.record.scenes import SETTINGS, passed
from tests.report.test_rebuild import BEGAN, load, recorded, result_of

CONFIG: dict[str, Any] = {
    "target": {"host": "http://staging"},
    "stages": [{"name": 'peak "2"', "users": 50, "hold": "60s"}],
    "hosts": {"web 1": {"address": "10.0.0.4", "user": "deploy"}},
    "release": {"commit_sha": {"command": "git rev-parse HEAD", "host": "web 1"}},
    "workers": {"remote": [{"host": "web 1", "count": 2}]},
    "generator": {"delay": math.inf},
}


def meta(**tables: Any) -> dict[str, Any]:
    """What a session file keeps of a run with some tables."""
    config = Config.model_validate(CONFIG | tables)
    return dict(about(config, title="x", host="x", began=BEGAN, arguments=["run", "-u", "5"]))


def test_it_is_read_as_the_file_that_it_came_from() -> None:
    written = lines(Settings.of_meta(meta()))
    assert written[0] == "# rampdeck run -u 5"
    read = tomllib.loads("\n".join(written))
    assert read["target"]["host"] == CONFIG["target"]["host"]
    assert read["stages"] == [{"name": 'peak "2"', "users": 50, "hold": 60.0, "warmup": False}]
    assert read["hosts"]["web 1"]["user"] == "deploy"
    assert read["release"]["commit_sha"] == CONFIG["release"]["commit_sha"]
    assert read["workers"]["remote"][0]["count"] == 2
    assert read["load"]["settle"] == 5.0, "what was not said held too"
    assert Config.model_validate(read).generator.delay == math.inf


def test_no_secret_is_in_it() -> None:
    planted = meta(
        collectors=[{"kind": "postgres", "password": "hunter-2-x", "dsn": "postgres://a:hunter-3-x@db/s"}]
    )
    told = Settings.of_meta(planted | {"arguments": ["run", "--api-key", "hunter-4-x", "--token=hunter-5-x"]})
    shown = replace(passed(), settings=told)
    for written in (
        markdown(shown),
        dumps(shown),
        html(Page(shown, page().timeline)),
        "\n".join(lines(told)),
    ):
        assert "hunter" not in written


def test_every_record_has_it() -> None:
    shown = passed()
    document = json.loads(dumps(shown))
    assert document["arguments"] == list(SETTINGS.arguments)
    assert document["configuration"] == SETTINGS.tables
    for written in (markdown(shown), html(Page(shown, page().timeline))):
        place = written.index("rampdeck run --headless -c rampdeck.toml")
        assert written.rindex("<details>", 0, place) > written.rindex("Facts", 0, place), "folded, at the end"
        assert "access_log" in written[place:]


def test_a_session_that_does_not_say_has_no_such_part() -> None:
    shown = replace(passed(), settings=Settings())
    assert "rampdeck run" not in markdown(shown) + html(Page(shown, page().timeline))
    assert Settings.of_meta({}) == Settings()


async def test_a_report_of_the_file_says_what_the_run_itself_said(tmp_path: Path) -> None:
    config = Config.model_validate(CONFIG)
    found = result_of(await recorded(tmp_path, load(), config=config))
    assert found.settings.arguments == ("run",)
    assert found.settings.tables["generator"]["delay"] == "inf", "a limit that is switched off"
    writer = SessionWriter(tmp_path / "other.sqlite")
    for key, value in meta().items():
        writer.set_meta(key, value)
    live = Settings.of_meta(writer.meta)
    await writer.close()
    with SessionReader(writer.path) as reader:
        assert Settings.of_meta(reader.meta) == live


def test_a_configuration_of_thousands_of_lines_is_cut_and_says_so() -> None:
    many = Settings((), {"hosts": {f"h{number}": {"address": "x"} for number in range(MOST_LINES)}})
    assert len(lines(many)) == MOST_LINES + 1
    assert lines(many)[-1] == f"# and {2 * MOST_LINES} lines more"
