"""PostgreSQL without a server: what is hidden in a statement, what a configuration may say."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._plans import _EXPLAINED, explicable
from collectors._postgres_sql import statement
from collectors._sessions import count_blocked, one_line, text_of
from collectors.postgres import PostgresCollector, PostgresConfig
from rampdeck.config import validate
from rampdeck.errors import SourceError, UsageError
from rampdeck.text import clean

from .fuzzing import fuzz

NAMES = {metric.name for metric in PostgresCollector.metrics}
BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rampdeck'"


@pytest.mark.parametrize(
    "query",
    [
        "ALTER ROLE a PASSWORD 'it''s s3cret'",
        r"ALTER USER a WITH ENCRYPTED PASSWORD E'a\'s3cret'",
        "alter role a password $pw$s3cret$pw$ valid until 'infinity'",
        "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'a', password 's3cret')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret dbname=d' PUBLICATION p",
        "ALTER ROLE a PASSWORD 'it was cut in the s3cre",
    ],
)
def test_no_way_of_writing_a_password_is_shown(query: str) -> None:
    assert "s3cre" not in one_line(query)


def test_a_column_called_password_stays_readable() -> None:
    query = 'SELECT "auth_user"."password" FROM "auth_user" WHERE "auth_user"."id" = 7'
    assert one_line(query) == query


def test_of_a_long_query_the_rows_are_told_not_the_columns() -> None:
    columns = ", ".join(f'"orders_order"."column_{number}"' for number in range(40))
    query = f'SELECT {columns} FROM "orders_order" WHERE "orders_order"."customer_id" = $1 LIMIT $2'
    told = 'SELECT … FROM "orders_order" WHERE "orders_order"."customer_id" = $1 LIMIT $2'
    assert one_line(query) == told
    nested = f"SELECT count(*) FROM ({query}) AS counted"
    assert one_line(nested) == f"SELECT count(*) FROM ({told}) AS counted"
    insert = f'INSERT INTO "orders_order" VALUES (1) RETURNING {columns}'
    assert one_line(insert) == 'INSERT INTO "orders_order" VALUES (1) RETURNING …'
    assert len(one_line(f"SELECT {'x' * 20_000}")) <= 200


@fuzz
@given(st.binary(max_size=3_000) | st.text(max_size=3_000).map(lambda text: text.encode(errors="replace")))
def test_whatever_stands_in_a_statement_becomes_one_printable_line(raw: bytes) -> None:
    line = one_line(text_of(raw))
    assert len(line) <= 200
    assert line == clean(line)
    with suppress(SourceError):
        assert explicable(text_of(raw)).lower().startswith(_EXPLAINED)


def test_a_text_made_to_be_slow_to_read_is_read_like_any_other() -> None:
    assert one_line("SELECT " * 1_400 + "(") == ("SELECT " * 30)[:199] + "…"
    assert one_line("password '" * 1_000 + "$a$").endswith("…")
    with pytest.raises(SourceError):
        explicable("/*" * 100_000 + "--" * 100_000)


def test_a_dsn_and_its_parts_are_not_both_accepted() -> None:
    with pytest.raises(UsageError, match="port is in the DSN already"):
        validate(PostgresConfig, {"kind": "postgres", "dsn_env": "DSN", "port": 5433}, "rampdeck.toml")


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match='did you mean "database"'):
        validate(PostgresConfig, {"kind": "postgres", "databse": "shop"}, "rampdeck.toml")


def test_a_server_that_is_too_old_is_said_to_be() -> None:
    assert statement("activity", 15) == statement("activity", 12)
    with pytest.raises(SourceError, match="PostgreSQL 11 cannot be watched: it is older than 12"):
        statement("activity", 11)


def test_every_session_behind_a_root_is_counted_once_and_a_circle_has_no_root() -> None:
    hot_row = {pid: tuple(range(1, pid)) for pid in range(2, 101)}
    assert count_blocked(hot_row) == {1: 99}
    assert count_blocked({2: (1,), 3: (2,), 4: (1, 9)}) == {1: 3, 9: 1}
    assert count_blocked({1: (2,), 2: (1,)}) == {}
