-- delete_attempts: the attempt records of one job.
DELETE FROM workaday_attempts WHERE job = :job;
