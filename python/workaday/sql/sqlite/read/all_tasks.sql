-- all_tasks: the catalogue with tasks that are absent now, by name.
SELECT name, queue, lane, entry, release, present, updated_at FROM workaday_tasks ORDER BY name;
