-- absent_tasks: marks the tasks that the newest catalogue no longer names. They are never deleted: jobs may still name them.
UPDATE workaday_tasks SET present = 0, updated_at = :now
WHERE present = 1 AND name NOT IN (SELECT value FROM json_each(:names));
