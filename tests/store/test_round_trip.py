"""What a session saw can be read again, all of it and in its order."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.config import Config
from rampdeck.gate import Gate
from rampdeck.histogram import bucket_of
from rampdeck.model import Event, RequestBatch, Sample, SourceInfo, Step
from rampdeck.record.conclude import Matter, result_of
from rampdeck.session import Session
from rampdeck.store import Item, SessionReader, SessionWriter
from rampdeck.store.about import about
from rampdeck.store.schema import pack_buckets, unpack_buckets
from tests.record.helpers import session as played_session
from tests.store.helpers import START, batch, log, sample, session


async def test_a_session_reads_back_as_it_was_written(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "s" / "session.rampdeck")
    items = session()
    for start in range(0, len(items), 3):  # over several commits
        for item in items[start : start + 3]:
            writer.append(item)
        await writer.commit()
    await writer.close()
    assert writer.problem == ""
    with SessionReader(writer.path) as reader:
        assert list(reader.items()) == items
        assert list(reader.items()) == items  # and again
        assert reader.steps() == (items[10], items[12])
        assert [source.name for source in reader.sources()] == ["gunicorn@web", "postgres@db"]


async def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "sessions" / "one" / "session.rampdeck")
    await writer.commit()
    modes = {path.name: path.stat().st_mode & 0o777 for path in writer.path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert writer.path.parent.stat().st_mode & 0o777 == 0o700
    await writer.close()


async def test_one_file_is_left(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    writer.append(log("last words"))
    await writer.close()
    await writer.close()
    assert list(tmp_path.iterdir()) == [writer.path]
    assert writer.bytes == writer.path.stat().st_size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NUL \0 in it",
        "\x1b[31mred",
        "[/orders/] [bold]",
        "not UTF-8: \udcff\udc80",
        "𝔘 漢字 \u202ertl",
        "a" * 1_000_000,
    ],
    ids=["empty", "NUL", "escape", "markup", "surrogates", "wide", "1 MB"],
)
async def test_a_hostile_line_is_stored_as_it_came(tmp_path: Path, text: str) -> None:
    stats = batch().entries[1]
    hostile = type(stats)(text, text, stats.successes, stats.failures, 0, {text: 2})
    items: list[Item] = [
        SourceInfo("nginx@web", "nginx", text[:50]),
        log(text),
        Sample(START, "nginx@web", {"a": 1.0}, ({"line": text},)),
        RequestBatch(START, 1.0, 1, (hostile,)),
        Step(1, 1, 1.0, "key", START, stage=text),
    ]
    writer = SessionWriter(tmp_path / "session.rampdeck")
    for item in items:
        writer.append(item)
    await writer.close()
    assert writer.problem == ""
    with SessionReader(writer.path) as reader:
        assert list(reader.items()) == items


async def test_a_value_that_is_no_number_is_stored_as_none(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    writer.append(Sample(START, "redis@db", {"hits": math.nan, "ops": 5.0}, ({"age": math.inf},)))
    await writer.close()
    ((stored,),) = sqlite3.connect(writer.path).execute("SELECT metrics ->> '$.ops' FROM samples")
    assert stored == 5.0
    with SessionReader(writer.path) as reader:
        (read,) = reader.items()
    assert isinstance(read, Sample)
    assert math.isnan(read.values["hits"])
    assert read.values["ops"] == 5.0
    assert read.rows == ({"age": None},)


async def test_histograms_come_back_with_their_percentiles(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    writer.append(batch())
    await writer.close()
    with SessionReader(writer.path) as reader:
        (read,) = reader.items()
    assert isinstance(read, RequestBatch)
    for was, now in zip(batch().entries, read.entries, strict=True):
        for before, after in ((was.successes, now.successes), (was.failures, now.failures)):
            assert after.percentiles((50, 95, 99)) == before.percentiles((50, 95, 99))
            assert (after.mean, after.lowest, after.highest) == (before.mean, before.lowest, before.highest)


@given(st.dictionaries(st.integers(bucket_of(0), bucket_of(1e9)), st.integers(1, 2**40)))
def test_any_buckets_can_be_packed(buckets: dict[int, int]) -> None:
    assert unpack_buckets(pack_buckets(buckets)) == buckets


async def test_the_file_says_what_was_run_without_its_secrets(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    config = Config(collectors=({"kind": "postgres", "dsn": "postgres://a:S3CRET@db"},))
    arguments = ["rampdeck", "run", "--password", "S3CRET"]
    for key, value in about(
        config, title="peak", host="http://u:S3CRET@x", began=START, arguments=arguments
    ).items():
        writer.set_meta(key, value)
    writer.set_meta("title", "first thought")
    await writer.commit()
    writer.set_meta("title", "checkout peak")
    writer.set_meta("more", {"token": "S3CRET"})
    await writer.close()
    with SessionReader(writer.path) as reader:
        assert reader.meta["title"] == "checkout peak"
        assert reader.meta["host"] == "http://u:***@x"
        assert reader.meta["began"] == {"utc": START.utc, "mono": START.mono}
        assert reader.meta["arguments"] == ["rampdeck", "run", "--password", "***"]
        assert reader.meta["config"]["collectors"] == [{"kind": "postgres", "dsn": "postgres://a:***@db"}]
        assert Config.model_validate(reader.meta["config"]).load == config.load
        assert reader.finished
    assert b"S3CRET" not in writer.path.read_bytes()


async def test_a_session_that_is_being_written_reads_up_to_its_last_commit(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    writer.append(log("one"))
    await writer.commit()
    with SessionReader(writer.path) as reader:
        writer.append(sample())
        await writer.commit()
        assert [item.text for item in reader.items() if isinstance(item, Event)] == ["one"]
        assert not any(isinstance(item, Sample) for item in reader.items())
        assert not reader.finished
        await writer.close()  # with the reader still there
    assert writer.problem == ""
    with SessionReader(writer.path) as reader:
        assert [type(item) for item in reader.items()] == [Event, Sample]


async def test_a_session_that_is_read_back_gives_the_same_result(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session.rampdeck")
    played, gate, at = played_session(writer.append)
    await writer.close()
    again, judged = Session(played.views, lambda _: None), Gate([one.expression for one in gate.thresholds])
    with SessionReader(writer.path) as reader:
        for item in reader.items():
            again.append(item)
            if isinstance(item, Sample):
                judged.observe(item.at, again)
    judged.observe(at, again)
    matter = Matter("peak", "http://x")
    assert result_of(again, judged, matter, at) == result_of(played, gate, matter, at)
