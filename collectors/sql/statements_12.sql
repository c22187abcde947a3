-- What every statement has cost so far, without its text.
--
-- One row, each column a list in the same order: thousands of rows would be dear
-- to send and to read. A role that may not see a statement gets no queryid.
SELECT /* rampdeck */ count(*) FILTER (WHERE queryid IS NULL) AS hidden,
       NULL::bigint AS evicted,
       NULL::timestamptz AS reset,
       string_agg(userid || ' ' || dbid || ' ' || queryid, ',') AS keys,
       string_agg(calls::text, ',') FILTER (WHERE queryid IS NOT NULL) AS calls,
       string_agg(total_time::text, ',') FILTER (WHERE queryid IS NOT NULL) AS milliseconds,
       string_agg(rows::text, ',') FILTER (WHERE queryid IS NOT NULL) AS rows,
       string_agg(shared_blks_hit::text, ',') FILTER (WHERE queryid IS NOT NULL) AS blocks_hit,
       string_agg(shared_blks_read::text, ',') FILTER (WHERE queryid IS NOT NULL) AS blocks_read,
       string_agg((temp_blks_read + temp_blks_written)::text, ',')
           FILTER (WHERE queryid IS NOT NULL) AS temp_blocks,
       string_agg((blk_read_time + blk_write_time)::text, ',')
           FILTER (WHERE queryid IS NOT NULL) AS io_milliseconds
FROM SCHEMA.pg_stat_statements(false)
