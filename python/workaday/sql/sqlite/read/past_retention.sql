-- past_retention: how many minutes of measures and lines of jobs `prune` would delete. Walks through all lines, as the pruning does.
SELECT (SELECT count(*) FROM workaday_measures WHERE minute < :minute), (SELECT count(*) FROM workaday_logs WHERE at < :lines_before);
