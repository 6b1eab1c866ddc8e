-- write_backup: keeps that a backup was made.
INSERT INTO workaday_backups (path, sha256, why, at, took_us, bytes, stored_bytes, schema, counts)
VALUES (:path, :sha256, :why, :at, :took_us, :bytes, :stored_bytes, :schema, :counts);
