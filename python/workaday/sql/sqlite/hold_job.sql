-- hold_job: marks a waiting job; it leaves the ready index and keeps its state.
UPDATE workaday_jobs SET held = :held, held_rule = :rule WHERE key = :key AND state <> 'running';
