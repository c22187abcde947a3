-- How many connections are taken, ours aside, how many of them by others than this database's, and since when.
SELECT /* rampdeck */ count(*) AS taken,
       count(*) FILTER (WHERE datname IS DISTINCT FROM current_database()) AS elsewhere,
       to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') AS started
FROM pg_stat_activity
WHERE pid <> pg_backend_pid()
  AND (backend_type = 'client backend'
       OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL))
