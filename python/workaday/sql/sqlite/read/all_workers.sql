-- all_workers: our processes, the newest first; :ended 1 brings those already ended as well.
SELECT worker, generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, ended_at, end_cause, info
FROM workaday_workers WHERE :ended OR ended_at IS NULL ORDER BY worker DESC LIMIT :limit;
