-- release_queued: the oldest waiting job of each schedule that has no other left becomes available. Index: workaday_jobs_queued_ticks.
UPDATE workaday_jobs SET state = CASE WHEN run_at > :now THEN 'scheduled' ELSE 'available' END WHERE key IN (
  SELECT min(key) FROM workaday_jobs AS waiting INDEXED BY workaday_jobs_queued_ticks
  WHERE waiting.schedule IS NOT NULL AND waiting.state = 'pending' AND NOT EXISTS (
    SELECT 1 FROM workaday_jobs AS other INDEXED BY workaday_jobs_schedule
    WHERE other.schedule IS NOT NULL AND other.schedule = waiting.schedule AND other.state <> 'pending')
  GROUP BY waiting.schedule);
