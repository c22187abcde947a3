-- Who holds the connections: by user, application and database, the 20 with most.
SELECT /* rampdeck */ usename AS "user",
       application_name AS application,
       datname AS database,
       count(*) AS connections,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'idle') AS idle,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       (max(extract(epoch FROM now() - state_change)) FILTER (WHERE state = 'idle'))::float8 AS longest_idle
FROM pg_stat_activity
WHERE pid <> pg_backend_pid()
  AND (backend_type = 'client backend'
       OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL))
GROUP BY usename, application_name, datname
ORDER BY count(*) DESC, 1, 2, 3
LIMIT 20
