-- outcomes_between: how attempts ended in a window, by task. Reads all attempts: asked once a release, never often.
SELECT coalesce(j.task, f.task, '') AS task, a.outcome, count(*), coalesce(sum(a.ran_us), 0)
FROM workaday_attempts a LEFT JOIN workaday_finished f ON f.key = a.job LEFT JOIN workaday_jobs j ON j.key = a.job
WHERE a.ended_at >= :since AND a.ended_at < :before GROUP BY 1, 2 ORDER BY 1, 2;
