-- ready_queue: the next queue of a lane, after the given one, that has a job ready now. Index: workaday_jobs_ready.
-- Asked again from its own answer, it steps from queue to queue: one seek each, however many jobs wait. Not a comparison of
-- (lane, queue) as a pair: SQLite begins such a range at equality and steps over every job of the pair (10 ms for 100,000).
SELECT queue FROM workaday_jobs INDEXED BY workaday_jobs_ready
WHERE state = 'available' AND held IS NULL AND lane = :lane AND queue > :queue ORDER BY queue LIMIT 1;
