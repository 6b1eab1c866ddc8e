-- unfinished_count: how many jobs are not finished. Index only: workaday_jobs_id.
SELECT count(*) FROM workaday_jobs INDEXED BY workaday_jobs_id WHERE id IS NOT NULL;
