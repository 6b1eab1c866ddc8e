-- worker_ends: processes that ended since, the newest first.
SELECT worker, generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, ended_at, end_cause, info
FROM workaday_workers WHERE ended_at >= :since ORDER BY worker DESC LIMIT :limit;
