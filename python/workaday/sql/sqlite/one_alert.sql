-- one_alert: by key, open or closed.
SELECT key, code, subject, message, count, first_at, last_at, closed_at FROM workaday_alerts WHERE key = :key;
