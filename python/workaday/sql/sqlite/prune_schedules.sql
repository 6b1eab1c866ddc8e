-- prune_schedules: dynamic schedules that ended, or have no tick to come, once nothing of them is in the ledger.
DELETE FROM workaday_schedules WHERE name IN (
  SELECT name FROM workaday_schedules AS s WHERE source = 'dynamic' AND next_at IS NULL AND paused_at IS NULL AND state <> 'broken'
    AND updated_at < :before AND cursor < :before AND NOT EXISTS (SELECT 1 FROM workaday_ticks AS t WHERE t.schedule = s.name) LIMIT :limit);
