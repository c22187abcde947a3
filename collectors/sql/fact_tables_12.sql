-- Where tables of these names are, about how many rows they have, and whether they may be read.
SELECT /* rampdeck */ nspname::text AS schema, relname::text AS name, reltuples::bigint AS rows,
       has_schema_privilege(pg_namespace.oid, 'USAGE')
       AND has_table_privilege(pg_class.oid, 'SELECT') AS readable
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relname = ANY($1) AND relkind IN ('r', 'p', 'm')
      AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\_t%'
ORDER BY nspname = 'public' DESC, nspname
