-- queued_ticks: is there a job that waits for an earlier run of its schedule? Index: workaday_jobs_queued_ticks.
SELECT 1 FROM workaday_jobs INDEXED BY workaday_jobs_queued_ticks WHERE schedule IS NOT NULL AND state = 'pending' LIMIT 1;
