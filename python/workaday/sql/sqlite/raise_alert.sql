-- raise_alert: opens an alert, or counts the open one of this code and subject up. Index: workaday_alerts_open.
INSERT INTO workaday_alerts (code, subject, message, first_at, last_at) VALUES (:code, :subject, :message, :now, :now)
ON CONFLICT (code, subject) WHERE closed_at IS NULL DO UPDATE SET count = count + 1, message = excluded.message, last_at = excluded.last_at, news = 1;
