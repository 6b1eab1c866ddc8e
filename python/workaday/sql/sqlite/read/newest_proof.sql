-- newest_proof: the last time that a backup was proved to restore.
SELECT backup, path, sha256, why, at, took_us, bytes, stored_bytes, schema, counts, proved_at, proof, removed_at
FROM workaday_backups WHERE proved_at IS NOT NULL ORDER BY proved_at DESC LIMIT 1;
