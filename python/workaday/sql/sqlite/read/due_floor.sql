-- due_floor: the instant and key that end a look at :look jobs that wait for their time. Index: workaday_jobs_due.
SELECT run_at, key FROM workaday_jobs INDEXED BY workaday_jobs_due
WHERE state IN ('scheduled', 'retryable') AND held IS NULL AND run_at >= :since AND (run_at > :since OR key > :since_key)
ORDER BY run_at, key LIMIT 1 OFFSET :look;
