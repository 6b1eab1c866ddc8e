-- page_finished: finished jobs between two keys, the newest first. :floor bounds how far it looks (finished_floor).
SELECT key, id, task, queue, priority, lane, state, reason, run_at, attempt, attempt_extra, fence, 0, 0, 0,
  NULL, NULL, NULL, tags, NULL, NULL, NULL, created_at, finished_at, substr(args, 1, 400), iif(:whole, args, NULL)
FROM workaday_finished
WHERE key < :before AND key >= :floor
  AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_finished.tags) AS tag WHERE tag.value = :tag)))
ORDER BY key DESC LIMIT :limit;
