-- lift_task: clears one kind of mark from the jobs of one task, a few at a time. Index: workaday_jobs_held.
UPDATE workaday_jobs SET held = NULL, held_rule = NULL WHERE key IN (
  SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_held WHERE held = :held AND task = :task LIMIT :limit);
