-- Where a role's statements look for tables in a database, for a plan.
SELECT /* rampdeck */ replace(coalesce(
           max(path) FILTER (WHERE setdatabase <> 0 AND setrole <> 0),
           max(path) FILTER (WHERE setrole <> 0),
           max(path) FILTER (WHERE setdatabase <> 0),
           '"$user", public'), '"$user"', coalesce(quote_ident(pg_get_userbyid($1)::text), '"$user"')) AS path
FROM (
    SELECT setdatabase, setrole, substr(setting, length('search_path=') + 1) AS path
    FROM pg_db_role_setting
    CROSS JOIN unnest(setconfig) AS setting
    WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND setrole IN (0, $1)
      AND starts_with(setting, 'search_path=')
) AS settings
