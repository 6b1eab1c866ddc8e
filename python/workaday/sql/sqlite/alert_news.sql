-- alert_news: alerts that changed since the courier looked, the oldest first. Index: workaday_alerts_news.
SELECT key, code, subject, message, count, first_at, last_at, closed_at, told FROM workaday_alerts WHERE news = 1 ORDER BY key LIMIT :limit;
