-- due_floor: the instant that ends a look at :look jobs that wait for their time. Index: workaday_jobs_due.
SELECT run_at FROM workaday_jobs INDEXED BY workaday_jobs_due
WHERE state IN ('scheduled', 'retryable') AND held IS NULL AND run_at >= :since ORDER BY run_at LIMIT 1 OFFSET :look;
