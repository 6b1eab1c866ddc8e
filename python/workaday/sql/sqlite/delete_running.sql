-- delete_running: takes a running job off the hot path; finish_job follows. No row: the claim is stale.
DELETE FROM workaday_jobs WHERE key = :key AND fence = :fence AND state = 'running';
