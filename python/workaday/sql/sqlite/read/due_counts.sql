-- due_counts: jobs that wait for their time, a queue and state. Index: workaday_jobs_due.
SELECT queue, state, count(*) FROM workaday_jobs INDEXED BY workaday_jobs_due
WHERE state IN ('scheduled', 'retryable') AND held IS NULL GROUP BY queue, state;
