-- pending_counts: jobs that wait for other jobs, a queue. Asked only when the other counts do not add up to unfinished_count.
SELECT queue, count(*) FROM workaday_jobs WHERE state = 'pending' AND held IS NULL GROUP BY queue;
