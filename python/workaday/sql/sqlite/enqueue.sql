-- enqueue: writes a job unless its id is known, unfinished or finished: one statement checks both. Used by every client.
-- A unique key that another unfinished job holds refuses it too. No row written: find_unique_holder says which it was.
INSERT INTO workaday_jobs (id, task, queue, priority, lane, state, run_at, args, expires_at, unique_key, unique_while, unique_held,
  tags, rerun_of, enqueued_release, created_at)
SELECT :id, :task, :queue, :priority, :lane, CASE WHEN :run_at > :now THEN 'scheduled' ELSE 'available' END, :run_at, :args,
  :expires_at, :unique_key, :unique_while, :unique_key IS NOT NULL, :tags, :rerun_of, :enqueued_release, :now
WHERE NOT EXISTS (SELECT 1 FROM workaday_finished WHERE id = :id)
ON CONFLICT DO NOTHING;
