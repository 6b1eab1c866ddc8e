-- failures_of: the last jobs of a task that were discarded, with their last error.
SELECT f.id, f.finished_at, f.reason,
  (SELECT a.error FROM workaday_attempts a WHERE a.job = f.key AND a.error IS NOT NULL ORDER BY a.fence DESC LIMIT 1)
FROM workaday_finished f WHERE f.task = :task AND f.state = 'discarded' ORDER BY f.key DESC LIMIT :limit;
