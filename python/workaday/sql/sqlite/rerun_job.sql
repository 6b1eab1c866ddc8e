-- rerun_job: a completed job once more, as a new job linked to the old one. Its unique key is not taken over.
INSERT INTO workaday_jobs (id, task, queue, priority, lane, state, run_at, args, tags, rerun_of, enqueued_release, created_at, schedule, tick)
SELECT :id, task, queue, priority, lane, 'available', :now, args, tags, id, :enqueued_release, :now, schedule, tick
FROM workaday_finished WHERE key = :key AND state = 'completed';
