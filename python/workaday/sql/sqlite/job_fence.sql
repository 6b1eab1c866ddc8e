-- job_fence: the claim counter of an unfinished job.
SELECT fence FROM workaday_jobs WHERE key = :key;
