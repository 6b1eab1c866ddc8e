-- 0003_measures, undone.
ALTER TABLE workaday_attempts DROP COLUMN unexpected;
ALTER TABLE workaday_attempts DROP COLUMN evidence;
DROP TABLE workaday_series;
DROP TABLE workaday_measures;
