-- error_count: attempts that failed so in a span, counted up to :limit. Index only: workaday_attempts_errors.
SELECT count(*) FROM (SELECT 1 FROM workaday_attempts INDEXED BY workaday_attempts_errors
  WHERE fingerprint = :fingerprint AND ended_at >= :since AND ended_at < :until LIMIT :limit);
