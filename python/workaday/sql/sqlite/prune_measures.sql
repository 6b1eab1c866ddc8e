-- prune_measures: the oldest minutes past retention, at most :limit rows. The primary key begins with the minute.
DELETE FROM workaday_measures WHERE (minute, kind, name, release) IN (
  SELECT minute, kind, name, release FROM workaday_measures WHERE minute < :before ORDER BY minute LIMIT :limit);
