-- prune_notices: what was sent, or given up, long ago. Index: workaday_notices_ended.
DELETE FROM workaday_notices WHERE key IN (SELECT key FROM workaday_notices WHERE ended_at < :before LIMIT :limit);
