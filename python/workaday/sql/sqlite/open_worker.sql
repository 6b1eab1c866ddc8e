-- open_worker: a process of ours begins.
INSERT INTO workaday_workers (generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, info)
VALUES (:generation, :kind, :pid, :boot_id, :process_started_at, :release, :now, :now, :info);
