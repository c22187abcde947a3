-- The tables of the database, the largest first: rows and size, statistics, and what was found in memory.
-- Of a table that changes, n_live_tup is nearer than reltuples; a fresh server has neither.
SELECT /* rampdeck */ stat.schemaname::text AS schema, stat.relname::text AS name,
       CASE WHEN n_live_tup > 0 THEN n_live_tup WHEN reltuples >= 0 THEN reltuples::bigint END AS rows,
       pg_total_relation_size(stat.relid) AS bytes,
       extract(epoch FROM greatest(last_analyze, last_autoanalyze))::float8 AS analyzed,
       n_mod_since_analyze AS changed,
       heap_blks_hit + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_hit, 0) AS hit,
       heap_blks_read + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0) AS read
FROM pg_stat_user_tables AS stat
JOIN pg_statio_user_tables AS io ON io.relid = stat.relid
JOIN pg_class ON pg_class.oid = stat.relid
ORDER BY bytes DESC, stat.schemaname, stat.relname
