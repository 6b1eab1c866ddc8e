-- page_due: jobs of one state that wait for their time, the next due first, after :since and up to :until; many may be due at one instant. Index: workaday_jobs_due.
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL, substr(args, 1, 400), iif(:whole, args, NULL)
FROM workaday_jobs INDEXED BY workaday_jobs_due
WHERE state IN ('scheduled', 'retryable') AND held IS NULL AND run_at >= :since AND (run_at > :since OR key > :since_key)
  AND run_at <= :until AND (run_at < :until OR key <= :until_key) AND state = :state
  AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_jobs.tags) AS tag WHERE tag.value = :tag)))
ORDER BY run_at, key LIMIT :limit;
