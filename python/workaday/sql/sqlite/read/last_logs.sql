-- last_logs: the last lines of one job, the newest first.
SELECT fence, seq, at, stream, level, logger, text FROM workaday_logs
WHERE job = :job ORDER BY fence DESC, seq DESC LIMIT :limit;
