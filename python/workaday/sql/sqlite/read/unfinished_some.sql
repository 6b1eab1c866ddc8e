-- unfinished_some: unfinished jobs, counted up to :limit. Index only: workaday_jobs_id.
SELECT count(*) FROM (SELECT 1 FROM workaday_jobs INDEXED BY workaday_jobs_id WHERE id IS NOT NULL LIMIT :limit);
