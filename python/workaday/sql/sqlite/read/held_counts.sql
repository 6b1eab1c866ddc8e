-- held_counts: held jobs, a queue and state. Index: workaday_jobs_held.
SELECT queue, state, count(*) FROM workaday_jobs INDEXED BY workaday_jobs_held WHERE held IS NOT NULL GROUP BY queue, state;
