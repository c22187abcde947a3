-- The sessions of the whole server, counted. Needs PostgreSQL 10 (backend_type).
--
-- A role that may not see another's session finds nulls in everything but its
-- pid, database and user: such a session counts as "hidden".
WITH /* rampdeck */ sessions AS (
    SELECT state, wait_event_type, xact_start, query_start, backend_type IS NULL AS hidden
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid()
      AND (backend_type = 'client backend'
           OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL))
), activity AS (
    SELECT count(*) AS connections,
           count(*) FILTER (WHERE hidden) AS hidden,
           count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state = 'idle') AS idle,
           count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
           -- Client: the application is slow, not the database. The others wait for nobody.
           count(*) FILTER (WHERE state = 'active' AND wait_event_type NOT IN
               ('Client', 'Activity', 'Timeout', 'Extension', 'InjectionPoint')) AS waiting,
           count(*) FILTER (WHERE wait_event_type = 'Lock') AS lock_waiting,
           count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO') AS io_waiting,
           count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'LWLock') AS lwlock_waiting,
           max(extract(epoch FROM now() - xact_start)) AS longest_transaction,
           max(extract(epoch FROM now() - query_start)) FILTER (WHERE state = 'active') AS longest_query
    FROM sessions
)
SELECT activity.*,
       -- What ordinary roles can have; one of these slots is this session's own.
       current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0)
           - coalesce(current_setting('rds.rds_superuser_reserved_connections', true)::int, 0)
           - 1 AS usable,
       pg_postmaster_start_time() AS started
FROM activity
