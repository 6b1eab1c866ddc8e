-- restage_retries: retries that failed later than now, for the clock was set back since: they wait their wait from now on.
-- Only where the step is longer than the wait itself, which is then more than doubled. Whoever was moved lies before its
-- failure and is not found again. A `scheduled` job keeps its instant, which may be what somebody asked for. Index: workaday_jobs_due.
UPDATE workaday_jobs SET run_at = :now + run_at
  - (SELECT ended_at FROM workaday_attempts WHERE job = workaday_jobs.key AND workaday_attempts.fence = workaday_jobs.fence)
WHERE key IN (
  SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_due
  JOIN workaday_attempts ON workaday_attempts.job = key AND workaday_attempts.fence = workaday_jobs.fence
  WHERE state IN ('scheduled', 'retryable') AND held IS NULL AND run_at > :now AND state = 'retryable'
    AND ended_at > :now AND run_at >= ended_at AND run_at - ended_at < ended_at - :now LIMIT :limit);
