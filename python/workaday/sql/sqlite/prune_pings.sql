-- prune_pings: what was sent, or given up, long ago. Index: workaday_pings_ended.
DELETE FROM workaday_pings WHERE key IN (SELECT key FROM workaday_pings WHERE ended_at < :before LIMIT :limit);
