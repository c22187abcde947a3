-- What all databases and the checkpointer have counted.
SELECT /* rampdeck */ sum(xact_commit) AS commits,
       sum(xact_rollback) AS rollbacks,
       sum(deadlocks) AS deadlocks,
       sum(temp_files) AS temp_files,
       sum(temp_bytes) AS temp_bytes,
       sum(blks_hit) AS blocks_hit,
       sum(blks_read) AS blocks_read,
       (SELECT checkpoints_timed FROM pg_stat_bgwriter) AS checkpoints_timed,
       (SELECT checkpoints_req FROM pg_stat_bgwriter) AS checkpoints_requested
FROM pg_stat_database
