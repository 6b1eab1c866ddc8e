-- find_job: where a job stands, and its result once it has one. Indexes: workaday_jobs_id, workaday_finished_id.
SELECT key, task, state, held, attempt, attempt_extra, fence, NULL AS reason, NULL AS cancel_reason, NULL AS result
FROM workaday_jobs WHERE id = :id
UNION ALL
SELECT key, task, state, NULL, attempt, attempt_extra, fence, reason, cancel_reason, result
FROM workaday_finished WHERE id = :id;
