-- held_some: up to :limit held jobs, a queue and reason. Index: workaday_jobs_held.
SELECT queue, held, count(*) FROM (SELECT queue, held FROM workaday_jobs INDEXED BY workaday_jobs_held
  WHERE held IS NOT NULL LIMIT :limit) GROUP BY queue, held;
