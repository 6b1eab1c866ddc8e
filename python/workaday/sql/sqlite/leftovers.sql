-- leftovers: processes of earlier generations that were never seen to end.
SELECT worker, kind, pid, boot_id, process_started_at FROM workaday_workers
WHERE generation < :generation AND ended_at IS NULL ORDER BY worker;
