-- set_progress: what a running job says of itself. No row: the claim is stale.
UPDATE workaday_jobs SET progress = :progress, progress_note = :note WHERE key = :key AND fence = :fence AND state = 'running';
