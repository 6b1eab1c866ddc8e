-- prune_series: series that have no minute within retention. A short table: it is looked through whole.
DELETE FROM workaday_series WHERE last_minute < :before;
