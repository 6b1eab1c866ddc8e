-- running_counts: running jobs, a queue. Index: workaday_jobs_running.
SELECT queue, count(*) FROM workaday_jobs INDEXED BY workaday_jobs_running WHERE state = 'running' GROUP BY queue;
