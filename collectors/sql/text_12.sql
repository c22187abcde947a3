-- The whole text of one statement, for its plan.
SELECT /* rampdeck */ query
FROM SCHEMA.pg_stat_statements(true)
WHERE queryid = $1 AND dbid = $2
LIMIT 1
