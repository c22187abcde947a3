-- What all databases and the checkpointer have counted. Needs PostgreSQL 17 (pg_stat_checkpointer).
SELECT /* rampdeck */ sum(xact_commit) AS commits,
       sum(xact_rollback) AS rollbacks,
       sum(deadlocks) AS deadlocks,
       sum(temp_files) AS temp_files,
       sum(temp_bytes) AS temp_bytes,
       sum(blks_hit) AS blocks_hit,
       sum(blks_read) AS blocks_read,
       sum(sessions_fatal) AS sessions_fatal,
       sum(sessions_killed) AS sessions_killed,
       sum(sessions_abandoned) AS sessions_abandoned,
       (SELECT num_timed FROM pg_stat_checkpointer) AS checkpoints_timed,
       (SELECT num_requested FROM pg_stat_checkpointer) AS checkpoints_requested
FROM pg_stat_database
