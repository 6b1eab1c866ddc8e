-- close_alert: the matter is settled.
UPDATE workaday_alerts SET closed_at = :now WHERE code = :code AND subject = :subject AND closed_at IS NULL;
