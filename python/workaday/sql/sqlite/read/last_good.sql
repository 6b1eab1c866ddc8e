-- last_good: the last completed job of a task.
SELECT id, finished_at FROM workaday_finished WHERE task = :task AND state = 'completed' ORDER BY key DESC LIMIT 1;
