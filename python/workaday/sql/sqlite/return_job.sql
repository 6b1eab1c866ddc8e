-- return_job: running to waiting, as core decided. No row: the claim is stale. run_at stays when NULL is given.
UPDATE workaday_jobs SET state = :state, run_at = coalesce(:run_at, run_at), attempt = :attempt,
  crash_count = :crash_count, suspect_count = :suspect_count, rescue_count = :rescue_count,
  lane = :lane, held = :held, held_rule = NULL, generation = NULL, worker = NULL, claimed_at = NULL,
  progress = NULL, progress_note = NULL
WHERE key = :key AND fence = :fence AND state = 'running';
