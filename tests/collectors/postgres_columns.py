"""What other versions of PostgreSQL have where 15 has something else: names and types of columns.

From the server's own definitions: contrib/pg_stat_statements/pg_stat_statements--1.10--1.11.sql
(PostgreSQL 17) and --1.11--1.12.sql (18), src/backend/catalog/system_views.sql of REL_17_STABLE and
REL_18_STABLE, and the pages "pg_stat_statements" and "The Cumulative Statistics System" of the
documentation. Columns that nothing here asks for may be left out.
"""

from __future__ import annotations

_STATEMENTS = (
    "userid oid, dbid oid, toplevel bool, queryid bigint, query text, plans int8, total_plan_time "
    "float8, calls int8, total_exec_time float8, min_exec_time float8, max_exec_time float8, "
    "mean_exec_time float8, stddev_exec_time float8, rows int8, shared_blks_hit int8, "
    "shared_blks_read int8, shared_blks_dirtied int8, shared_blks_written int8, local_blks_hit int8, "
    "local_blks_read int8, local_blks_dirtied int8, local_blks_written int8, temp_blks_read int8, "
    "temp_blks_written int8, shared_blk_read_time float8, shared_blk_write_time float8, "
    "temp_blk_read_time float8, temp_blk_write_time float8, wal_records int8, wal_fpi int8, wal_bytes "
    "numeric"
)
STATEMENTS = {
    17: _STATEMENTS,
    18: f"{_STATEMENTS}, wal_buffers_full int8, parallel_workers_launched int8, stats_since timestamptz",
}
"""The columns of the function pg_stat_statements(showtext)."""

_CHECKPOINTER = (
    "num_timed int8, num_requested int8, restartpoints_timed int8, restartpoints_req int8, "
    "restartpoints_done int8, write_time float8, sync_time float8, buffers_written int8, stats_reset "
    "timestamptz"
)
CHECKPOINTER = {17: _CHECKPOINTER, 18: f"{_CHECKPOINTER}, num_done int8, slru_written int8"}
BGWRITER = "buffers_clean int8, maxwritten_clean int8, buffers_alloc int8, stats_reset timestamptz"
"""The columns of pg_stat_bgwriter from 17 on: those of checkpoints are gone."""

EXTENSION = {12: "1.7", 13: "1.8", 14: "1.9", 15: "1.10", 16: "1.10", 17: "1.11", 18: "1.12"}
"""The version of pg_stat_statements that came with each (its default_version)."""
