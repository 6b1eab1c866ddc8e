-- ready_counts: jobs ready now, a queue. Index only: workaday_jobs_ready.
SELECT queue, count(*), min(run_at) FROM workaday_jobs INDEXED BY workaday_jobs_ready
WHERE state = 'available' AND held IS NULL GROUP BY lane, queue;
