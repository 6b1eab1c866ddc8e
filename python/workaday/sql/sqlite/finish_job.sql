-- finish_job: a running job becomes history; delete_running came first in the same transaction and was not refused.
-- VALUES, not SELECT from workaday_jobs: for a SELECT with a given key SQLite keeps a journal of the statement (8 % of a
-- settlement, measured), and the row was read already.
INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, reason, run_at, args, result, attempt, attempt_extra,
  fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, finished_at, schedule, tick)
VALUES (:key, :id, :task, :queue, :priority, :lane, :state, :reason, :run_at, :args, :result, :attempt, :attempt_extra,
  :fence, :unique_key, :unique_while, :tags, :rerun_of, :enqueued_release, :cancel_reason, :created_at, :now, :schedule, :tick);
