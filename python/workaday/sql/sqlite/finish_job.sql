-- finish_job: copies a running job into history; delete_job follows in the same transaction. No row: the claim is stale.
-- OR FAIL: at most one row, so there is nothing of the statement to take back, and SQLite need not keep a journal for it.
INSERT OR FAIL INTO workaday_finished (key, id, task, queue, priority, lane, state, reason, run_at, args, result, attempt, attempt_extra,
  fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, finished_at)
SELECT key, id, task, queue, priority, lane, :state, :reason, run_at, args, :result, :attempt, attempt_extra,
  fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, :now
FROM workaday_jobs WHERE key = :key AND fence = :fence AND state = 'running';
