-- backups: backups of this store, the newest first.
SELECT backup, path, sha256, why, at, took_us, bytes, stored_bytes, schema, counts, proved_at, proof, removed_at
FROM workaday_backups ORDER BY backup DESC LIMIT :limit;
