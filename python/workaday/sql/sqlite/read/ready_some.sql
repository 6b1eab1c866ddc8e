-- ready_some: ready jobs of one lane and queue, counted up to :limit. Index only: workaday_jobs_ready.
SELECT count(*) FROM (SELECT 1 FROM workaday_jobs INDEXED BY workaday_jobs_ready
  WHERE state = 'available' AND held IS NULL AND lane = :lane AND queue = :queue LIMIT :limit);
