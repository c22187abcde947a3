-- How large the database is, and how much of what was read was found in memory.
SELECT /* rampdeck */ pg_database_size(datid) AS bytes, blks_hit AS hit, blks_read AS read
FROM pg_stat_database WHERE datname = current_database()
