-- How large the database is; the server looks at each of its files.
SELECT /* rampdeck */ pg_database_size(current_database()) AS bytes
