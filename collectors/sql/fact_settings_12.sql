-- The settings that matter for a load, and whether another value waits for a restart.
SELECT /* rampdeck */ name, current_setting(name, true) AS value, source, pending_restart
FROM pg_settings
WHERE name = ANY($1)
