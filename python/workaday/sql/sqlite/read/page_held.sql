-- page_held: held jobs, of the first :look that the index holds, the newest first. Index: workaday_jobs_held.
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL, substr(args, 1, 400), iif(:whole, args, NULL)
FROM workaday_jobs
WHERE key IN (SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_held WHERE held IS NOT NULL LIMIT :look) AND key < :before
  AND (:task IS NULL OR task = :task) AND (:queue IS NULL OR queue = :queue)
  AND (:tag IS NULL OR ((instr(tags, :tag) OR instr(tags, '\')) AND EXISTS (SELECT 1 FROM json_each(workaday_jobs.tags) AS tag WHERE tag.value = :tag)))
ORDER BY key DESC LIMIT :limit;
