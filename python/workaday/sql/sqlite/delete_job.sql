-- delete_job: takes an unfinished job off the hot path, after it was copied into history.
DELETE FROM workaday_jobs WHERE key = :key;
