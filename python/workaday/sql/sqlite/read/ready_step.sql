-- ready_step: the next lower priority with a ready job, and since when its first one waits. Index: workaday_jobs_ready.
-- Asked again from its own answer, one seek each: the oldest of a million ready jobs is found without counting them.
SELECT priority, run_at FROM workaday_jobs INDEXED BY workaday_jobs_ready
WHERE state = 'available' AND held IS NULL AND lane = :lane AND queue = :queue AND priority < :priority
ORDER BY priority DESC, run_at LIMIT 1;
