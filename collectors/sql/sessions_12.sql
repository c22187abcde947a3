-- The sessions worth a look, and who waits for whom. Needs PostgreSQL 10 (backend_type).
--
-- Rows up to rank 20 are for the table: not idle, or blocking somebody; blockers
-- first, then the oldest transaction. Rows beyond it have no query and are there
-- for the tree of blockers. pg_blocking_pids() takes a lock of the lock manager,
-- so it is asked for sessions that wait for a lock only, and for 100 at most.
WITH /* rampdeck */ sessions AS (
    SELECT pid, usename, usesysid, application_name, datname, datid, state, wait_event_type, wait_event,
           xact_start, query_start, state_change, query, NULL::bigint AS query_id,
           backend_type = 'client backend' AS client
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type IS NOT NULL
), waiting AS (
    SELECT pid, pg_blocking_pids(pid) AS blockers
    FROM sessions
    WHERE wait_event_type = 'Lock'
    LIMIT 100
), blocking AS (
    SELECT DISTINCT unnest(blockers) AS pid FROM waiting
), ranked AS (
    SELECT sessions.*, waiting.blockers,
           row_number() OVER (ORDER BY blocking.pid IS NULL, xact_start, pid) AS rank
    FROM sessions
    LEFT JOIN waiting USING (pid)
    LEFT JOIN blocking USING (pid)
    WHERE blocking.pid IS NOT NULL OR (client AND state <> 'idle')
)
SELECT pid,
       coalesce(blockers, '{}') AS blockers,
       rank <= 20 AS shown,
       usename AS "user",
       usesysid AS user_id,
       application_name AS application,
       datname AS database,
       datid AS database_id,
       state,
       wait_event_type,
       wait_event,
       extract(epoch FROM now() - xact_start)::float8 AS transaction_age,
       extract(epoch FROM now() - query_start)::float8 AS query_age,
       extract(epoch FROM now() - state_change)::float8 AS state_age,
       extract(epoch FROM query_start)::float8 AS query_started,
       query_id,
       CASE WHEN rank <= 20 THEN query END AS query
FROM ranked
WHERE rank <= 20 OR blockers IS NOT NULL
ORDER BY xact_start, pid
