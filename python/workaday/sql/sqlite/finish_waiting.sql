-- finish_waiting: copies a waiting job into history, cancelled; delete_job follows in the same transaction. No row: it runs or is gone.
INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, reason, run_at, args, result, attempt, attempt_extra,
  fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, finished_at, schedule, tick)
SELECT key, id, task, queue, priority, lane, 'cancelled', :reason, run_at, args, NULL, attempt, attempt_extra,
  fence, unique_key, unique_while, tags, rerun_of, enqueued_release, coalesce(:cancel_reason, cancel_reason), created_at, :now, schedule, tick
FROM workaday_jobs WHERE key = :key AND state <> 'running';
