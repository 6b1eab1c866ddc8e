-- running_job: the row behind a claim, or none when that claim is stale. All of it, since a settlement may move it into history.
SELECT key, id, fence, generation, task, lane, attempt, crash_count, suspect_count, rescue_count, attempt_extra,
  cancel_requested_at IS NOT NULL, claimed_at,
  queue, priority, run_at, args, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, schedule, tick
FROM workaday_jobs WHERE key = :key AND fence = :fence AND state = 'running';
