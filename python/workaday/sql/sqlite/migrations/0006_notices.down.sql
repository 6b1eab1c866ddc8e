-- 0006_notices, undone. Alerts stay; what was sent to whom is forgotten.
DROP TABLE workaday_pings;
DROP TABLE workaday_notices;
DROP INDEX workaday_alerts_news;
ALTER TABLE workaday_alerts DROP COLUMN news;
ALTER TABLE workaday_alerts DROP COLUMN told;
