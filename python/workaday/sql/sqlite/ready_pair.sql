-- ready_pair: the next (lane, queue) after the given one that has a job ready now. Index: workaday_jobs_ready.
-- Asked again from its own answer, it steps from pair to pair: the cost is one seek a pair, however many jobs wait.
SELECT lane, queue FROM workaday_jobs INDEXED BY workaday_jobs_ready
WHERE state = 'available' AND held IS NULL AND (lane, queue) > (:lane, :queue)
ORDER BY lane, queue LIMIT 1;
