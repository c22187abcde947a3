-- What each database has counted, the busiest 20.
SELECT /* rampdeck */ datname AS database,
       numbackends AS sessions,
       xact_commit AS commits,
       xact_rollback AS rollbacks,
       deadlocks,
       temp_bytes,
       blks_hit AS blocks_hit,
       blks_read AS blocks_read
FROM pg_stat_database
WHERE datname IS NOT NULL
ORDER BY xact_commit + xact_rollback DESC
LIMIT 20
