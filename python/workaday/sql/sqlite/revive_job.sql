-- revive_job: a discarded or cancelled job becomes available again with the budget that core granted; delete_finished follows.
-- It keeps its key and fence, so its history stays attached, and retakes its unique key: a taken key refuses.
INSERT INTO workaday_jobs (key, id, task, queue, priority, lane, state, run_at, args, attempt, attempt_extra, fence,
  unique_key, unique_while, unique_held, tags, rerun_of, enqueued_release, created_at, schedule, tick)
SELECT key, id, task, queue, priority, lane, 'available', :now, args, attempt, :attempt_extra, fence,
  unique_key, unique_while, unique_key IS NOT NULL, tags, rerun_of, enqueued_release, created_at, schedule, tick
FROM workaday_finished WHERE key = :key AND state IN ('discarded', 'cancelled');
