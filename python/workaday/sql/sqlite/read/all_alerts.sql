-- all_alerts: what needs a hand, the newest first; :closed 1 brings those already closed as well.
SELECT key, code, subject, message, count, first_at, last_at, closed_at FROM workaday_alerts
WHERE key < :before AND (:closed OR closed_at IS NULL) ORDER BY key DESC LIMIT :limit;
