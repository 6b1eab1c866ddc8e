-- close_alert: the matter is settled.
UPDATE workaday_alerts SET closed_at = :now, news = 1 WHERE code = :code AND subject = :subject AND closed_at IS NULL;
