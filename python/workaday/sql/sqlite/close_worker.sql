-- close_worker: a process of ours ended; said once.
UPDATE workaday_workers SET ended_at = :now, end_cause = :cause WHERE worker = :worker AND ended_at IS NULL;
