-- Asked at the start and at the end: what server this is.
SELECT /* rampdeck */ current_setting('server_version') AS version,
       pg_is_in_recovery() AS replica,
       current_database()::text AS database,
       (
           SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension
       ) AS extensions,
       (
           SELECT string_agg(
               coalesce(rolname, 'all roles') || ' in ' || coalesce(datname, 'all databases') || ': '
               || array_to_string(setconfig, ', '), '; ' ORDER BY rolname, datname
           )
           FROM pg_db_role_setting
           LEFT JOIN pg_roles ON pg_roles.oid = setrole
           LEFT JOIN pg_database ON pg_database.oid = setdatabase
           WHERE setdatabase = 0 OR datname = current_database()
       ) AS overrides,
       -- Where it may not be read the server would note an error for each try.
       has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
       AND has_table_privilege('pg_file_settings', 'SELECT') AS files_readable
