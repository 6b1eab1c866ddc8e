-- pending_counts: jobs that wait for others, a queue: ticks whose turn comes after another. Index: workaday_jobs_queued_ticks.
SELECT queue, count(*) FROM workaday_jobs INDEXED BY workaday_jobs_queued_ticks
WHERE schedule IS NOT NULL AND state = 'pending' AND held IS NULL GROUP BY queue;
