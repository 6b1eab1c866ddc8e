-- page_ended: finished jobs of one state, the last to finish first, before :before and back to :floor; many may finish at one instant. Index: workaday_finished_at.
SELECT key, id, task, queue, priority, lane, state, reason, run_at, attempt, attempt_extra, fence, 0, 0, 0,
  NULL, NULL, NULL, tags, NULL, NULL, NULL, created_at, finished_at, substr(args, 1, 400), iif(:whole, args, NULL)
FROM workaday_finished INDEXED BY workaday_finished_at
WHERE state = :state AND finished_at <= :before AND (finished_at < :before OR key < :before_key)
  AND finished_at >= :floor AND (finished_at > :floor OR key >= :floor_key)
  AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_finished.tags) AS tag WHERE tag.value = :tag)))
ORDER BY finished_at DESC, key DESC LIMIT :limit;
