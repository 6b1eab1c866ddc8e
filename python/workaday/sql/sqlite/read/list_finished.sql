-- list_finished: finished jobs, the newest key first. Filters and columns as in list_unfinished; none of them is held.
SELECT key, id, task, queue, priority, lane, state, reason, run_at, attempt, attempt_extra, fence, 0, 0, 0,
  NULL, NULL, NULL, tags, NULL, NULL, NULL, created_at, finished_at
FROM workaday_finished
WHERE key < :before AND (:state IS NULL OR state = :state) AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:since IS NULL OR created_at >= :since)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_finished.tags) AS tag WHERE tag.value = :tag)))
ORDER BY key DESC LIMIT :limit;
