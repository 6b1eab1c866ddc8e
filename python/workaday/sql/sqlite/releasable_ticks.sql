-- releasable_ticks: does a job wait for earlier runs of its schedule that are all done? Index: workaday_jobs_queued_ticks.
SELECT 1 FROM workaday_jobs AS waiting INDEXED BY workaday_jobs_queued_ticks
WHERE waiting.schedule IS NOT NULL AND waiting.state = 'pending' AND NOT EXISTS (
  SELECT 1 FROM workaday_jobs AS other INDEXED BY workaday_jobs_schedule
  WHERE other.schedule IS NOT NULL AND other.schedule = waiting.schedule AND other.state <> 'pending') LIMIT 1;
