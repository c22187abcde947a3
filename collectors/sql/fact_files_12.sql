-- What the configuration files say of settings that our own session has other values of.
SELECT /* rampdeck */ name, setting AS value
FROM pg_file_settings
WHERE name = ANY($1) AND applied
