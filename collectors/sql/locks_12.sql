-- What some sessions wait for; asked only while a session waits for a lock.
--
-- Who waits for a row waits for the transaction that changed it; the first in
-- the queue holds a lock of kind "tuple" that names the table.
SELECT /* rampdeck */ pid,
       min(locktype) FILTER (WHERE NOT granted) AS kind,
       min(mode) FILTER (WHERE NOT granted) AS mode,
       min(relation::regclass::text) FILTER (
           WHERE (NOT granted OR locktype = 'tuple')
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS relation,
       NULL::float8 AS waited
FROM pg_locks
WHERE pid = ANY($1)
GROUP BY pid
