-- stage_due: scheduled and retryable jobs that are due become available, the earliest first. Index: workaday_jobs_due.
UPDATE workaday_jobs SET state = 'available' WHERE key IN (
  SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_due
  WHERE state IN ('scheduled', 'retryable') AND held IS NULL AND run_at <= :now ORDER BY run_at LIMIT :limit);
