-- running_before: running jobs of earlier generations: their supervisor is dead. Index: workaday_jobs_running.
SELECT key, id, fence, generation, task, lane, attempt, crash_count, suspect_count, rescue_count, attempt_extra,
  cancel_requested_at IS NOT NULL, claimed_at
FROM workaday_jobs INDEXED BY workaday_jobs_running
WHERE state = 'running' AND generation < :generation ORDER BY generation, key LIMIT :limit;
