-- running_job: the row behind a claim, or none when that claim is stale.
SELECT key, id, fence, generation, task, lane, attempt, crash_count, suspect_count, rescue_count, attempt_extra,
  cancel_requested_at IS NOT NULL, claimed_at
FROM workaday_jobs WHERE key = :key AND fence = :fence AND state = 'running';
