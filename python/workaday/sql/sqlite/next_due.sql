-- next_due: when the earliest scheduled or retryable job is due. Index: workaday_jobs_due.
SELECT run_at FROM workaday_jobs INDEXED BY workaday_jobs_due
WHERE state IN ('scheduled', 'retryable') AND held IS NULL ORDER BY run_at LIMIT 1;
