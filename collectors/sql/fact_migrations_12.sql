-- Which of Django's migrations were applied: of each app how many, and the last one.
SELECT /* rampdeck */ app::text AS app, count(*) AS applied, (array_agg(name::text ORDER BY id DESC))[1] AS last
FROM SCHEMA.RELATION
GROUP BY app
ORDER BY app
