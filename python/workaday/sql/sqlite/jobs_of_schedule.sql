-- jobs_of_schedule: its unfinished jobs. Index: workaday_jobs_schedule.
SELECT key, id, state FROM workaday_jobs INDEXED BY workaday_jobs_schedule WHERE schedule = :schedule ORDER BY state, key LIMIT :limit;
