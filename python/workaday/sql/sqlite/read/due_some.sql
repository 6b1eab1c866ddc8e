-- due_some: the first :limit jobs that wait for their time, a queue and state. Index: workaday_jobs_due.
SELECT queue, state, count(*) FROM (SELECT queue, state FROM workaday_jobs INDEXED BY workaday_jobs_due
  WHERE state IN ('scheduled', 'retryable') AND held IS NULL ORDER BY run_at LIMIT :limit) GROUP BY queue, state;
