-- delete_logs: the log lines of one job.
DELETE FROM workaday_logs WHERE job = :job;
