-- id_known: is there a job of this id, unfinished or finished? Indexes: workaday_jobs_id, workaday_finished_id.
SELECT EXISTS (SELECT 1 FROM workaday_jobs WHERE id = :id) OR EXISTS (SELECT 1 FROM workaday_finished WHERE id = :id) AS known;
