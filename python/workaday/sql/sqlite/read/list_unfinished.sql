-- list_unfinished: unfinished jobs, the newest key first. A filter left NULL asks nothing; :held is 1, 0 or NULL; :tag is one of the tags.
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL
FROM workaday_jobs
WHERE key < :before AND (:state IS NULL OR state = :state) AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:since IS NULL OR created_at >= :since) AND (:held IS NULL OR (held IS NOT NULL) = :held)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_jobs.tags) AS tag WHERE tag.value = :tag)))
ORDER BY key DESC LIMIT :limit;
