-- one_job: all that is known of one job, unfinished or finished. The first columns as in list_unfinished.
SELECT key, id, task, queue, priority, lane, state, NULL, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count,
  held, held_rule, cancel_requested_at, tags, progress, progress_note, claimed_at, created_at, NULL,
  args, NULL, worker, generation, expires_at, cancel_reason, unique_key, unique_while, rerun_of, enqueued_release
FROM workaday_jobs WHERE id = :id
UNION ALL
SELECT key, id, task, queue, priority, lane, state, reason, run_at, attempt, attempt_extra, fence, 0, 0, 0,
  NULL, NULL, NULL, tags, NULL, NULL, NULL, created_at, finished_at,
  args, result, NULL, NULL, NULL, cancel_reason, unique_key, unique_while, rerun_of, enqueued_release
FROM workaday_finished WHERE id = :id;
