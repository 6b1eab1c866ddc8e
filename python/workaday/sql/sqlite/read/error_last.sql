-- error_last: the newest attempts that failed so. Index: workaday_attempts_errors.
SELECT job, fence, ended_at, outcome, release, error, cause FROM workaday_attempts INDEXED BY workaday_attempts_errors
WHERE fingerprint = :fingerprint AND ended_at < :before ORDER BY ended_at DESC LIMIT :limit;
