-- alert_is_open: is there an open alert of this code and subject? Index: workaday_alerts_open.
SELECT count(*) > 0 FROM workaday_alerts WHERE code = :code AND subject = :subject AND closed_at IS NULL;
