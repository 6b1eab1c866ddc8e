-- alert_told: the courier has taken the alert into notices as it stands.
UPDATE workaday_alerts SET told = count, news = 0 WHERE key = :key;
