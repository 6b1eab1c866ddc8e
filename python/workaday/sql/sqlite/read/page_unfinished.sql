-- page_unfinished: unfinished jobs between two keys, the newest first. :floor bounds how far it looks (unfinished_floor).
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL, substr(args, 1, 400), iif(:whole, args, NULL)
FROM workaday_jobs
WHERE key < :before AND key >= :floor AND (:state IS NULL OR state = :state)
  AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_jobs.tags) AS tag WHERE tag.value = :tag)))
ORDER BY key DESC LIMIT :limit;
