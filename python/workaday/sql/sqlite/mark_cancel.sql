-- mark_cancel: asks a running job to stop; the first request stands.
UPDATE workaday_jobs SET cancel_requested_at = :now, cancel_reason = :reason
WHERE key = :key AND state = 'running' AND cancel_requested_at IS NULL;
