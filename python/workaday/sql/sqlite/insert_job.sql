-- insert_job: writes a job unless its id is known, unfinished or finished: one statement checks both.
INSERT INTO workaday_jobs (id, task, queue, priority, lane, state, run_at, args, expires_at, tags, rerun_of, enqueued_release, created_at)
SELECT :id, :task, :queue, :priority, :lane, CASE WHEN :run_at > :now THEN 'scheduled' ELSE 'available' END, :run_at, :args,
  :expires_at, :tags, :rerun_of, :enqueued_release, :now
WHERE NOT EXISTS (SELECT 1 FROM workaday_finished WHERE id = :id)
ON CONFLICT (id) DO NOTHING;
