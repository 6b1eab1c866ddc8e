-- job_by_key: one job as the lists show it, unfinished or finished.
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL, substr(args, 1, 400)
FROM workaday_jobs WHERE key = :key
UNION ALL
SELECT key, id, task, queue, priority, lane, state, reason, run_at, attempt, attempt_extra, fence, 0, 0, 0,
  NULL, NULL, NULL, tags, NULL, NULL, NULL, created_at, finished_at, substr(args, 1, 400)
FROM workaday_finished WHERE key = :key;
