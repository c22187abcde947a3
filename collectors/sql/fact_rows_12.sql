-- How many rows a table has, by looking at all of them.
SELECT /* rampdeck */ count(*) AS rows FROM SCHEMA.RELATION
