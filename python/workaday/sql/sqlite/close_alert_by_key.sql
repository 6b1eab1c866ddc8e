-- close_alert_by_key: somebody says that the matter is settled.
UPDATE workaday_alerts SET closed_at = :now, news = 1 WHERE key = :key AND closed_at IS NULL;
