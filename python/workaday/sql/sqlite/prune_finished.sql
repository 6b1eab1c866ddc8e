-- prune_finished: deletes the oldest finished jobs of one state past retention, a few at a time. Index: workaday_finished_at.
DELETE FROM workaday_finished WHERE key IN (
  SELECT key FROM workaday_finished INDEXED BY workaday_finished_at
  WHERE state = :state AND finished_at < :before ORDER BY finished_at LIMIT :limit)
RETURNING key;
