-- insert_tick_job: the job of a tick, in the transaction that decides it. `pending`: it waits for earlier runs of its schedule.
INSERT INTO workaday_jobs (id, task, queue, priority, lane, state, run_at, args, schedule, tick, enqueued_release, created_at)
SELECT :id, :task, :queue, :priority, :lane,
  CASE WHEN :waits THEN 'pending' WHEN :run_at > :now THEN 'scheduled' ELSE 'available' END, :run_at, :args, :schedule, :tick, NULL, :now
WHERE NOT EXISTS (SELECT 1 FROM workaday_finished WHERE id = :id)
ON CONFLICT (id) DO NOTHING;
