-- set_job_aside: a job whose row cannot be read waits for a person; a claim on it ends. A waiting job keeps its place.
UPDATE workaday_jobs SET state = 'available', held = 'unreadable', held_rule = NULL, generation = NULL, worker = NULL, claimed_at = NULL
WHERE key = :key;
