-- open_alert_count: matters that need a hand. Index only: workaday_alerts_open.
SELECT count(*) FROM workaday_alerts INDEXED BY workaday_alerts_open WHERE closed_at IS NULL AND code IS NOT NULL;
