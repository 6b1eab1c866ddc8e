-- error_first: the first attempt that failed so. Index: workaday_attempts_errors.
SELECT job, fence, ended_at, outcome, release, error, cause FROM workaday_attempts INDEXED BY workaday_attempts_errors
WHERE fingerprint = :fingerprint ORDER BY ended_at LIMIT 1;
