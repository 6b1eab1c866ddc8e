-- recent_runs: what the last jobs that completed in a span have measured. Index: workaday_finished_at.
SELECT f.key, f.task, f.queue, f.finished_at, a.waited_us, a.ran_us, a.memory_peak_kib, a.release
FROM (SELECT key, task, queue, finished_at, fence FROM workaday_finished INDEXED BY workaday_finished_at
  WHERE state = 'completed' AND finished_at >= :since AND finished_at < :until ORDER BY finished_at DESC LIMIT :limit) AS f
JOIN workaday_attempts AS a ON a.job = f.key AND a.fence = f.fence;
