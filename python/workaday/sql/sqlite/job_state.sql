-- job_state: where a job stands, unfinished or finished. Indexes: workaday_jobs_id, workaday_finished_id.
SELECT key, state, held, attempt, attempt_extra FROM workaday_jobs WHERE id = :id
UNION ALL
SELECT key, state, NULL, attempt, attempt_extra FROM workaday_finished WHERE id = :id;
