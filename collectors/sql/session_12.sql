-- Asked once: what server this is, and whether our own settings arrived.
--
-- A pool between hands its server sessions to several clients: settings of the
-- start-up packet are not there then.
SELECT /* rampdeck */
       (SELECT setting FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout,
       current_setting('default_transaction_read_only') AS read_only,
       current_user::text AS role,
       current_database()::text AS database,
       pg_size_bytes(current_setting('track_activity_query_size')) AS query_size,
       (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS preloaded,
       statements.version AS statements_version,
       statements.schema AS statements_schema
FROM (VALUES (1)) AS one
LEFT JOIN (
    SELECT extversion AS version, quote_ident(nspname) AS schema
    FROM pg_extension
    JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'pg_stat_statements'
) AS statements ON true
