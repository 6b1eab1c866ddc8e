-- find_unique_holder: the unfinished job that holds this key. Index: workaday_jobs_unique.
SELECT key, id, state FROM workaday_jobs WHERE unique_key = :unique_key AND unique_held = 1;
