-- claimable_jobs: ready jobs of one lane and queue in claim order. Index: workaday_jobs_ready, which is that order.
-- `available` is the whole truth: run_at is not asked again, or a clock that stepped back would hide ready jobs.
SELECT key, id, task, queue, args, run_at, attempt, attempt_extra, fence, crash_count, suspect_count, rescue_count, lane, tick
FROM workaday_jobs INDEXED BY workaday_jobs_ready
WHERE state = 'available' AND held IS NULL AND lane = :lane AND queue = :queue
ORDER BY priority DESC, run_at, key LIMIT :limit;
