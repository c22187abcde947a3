-- The texts of some statements, and of those that we make ourselves.
SELECT /* rampdeck */ userid::text || ' ' || dbid || ' ' || queryid AS key,
       pg_get_userbyid(userid)::text AS "user",
       (SELECT datname::text FROM pg_database WHERE oid = dbid) AS database,
       strpos(query, '/* rampdeck */') BETWEEN 1 AND 20 AS ours,
       left(query, 4000) AS query
FROM SCHEMA.pg_stat_statements(true)
WHERE queryid = ANY($1) OR strpos(query, '/* rampdeck */') BETWEEN 1 AND 20
