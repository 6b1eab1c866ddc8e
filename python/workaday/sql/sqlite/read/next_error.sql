-- next_error: the next error after this one. Index only: workaday_attempts_errors.
-- Asked again from its own answer, one seek each, however many attempts failed.
SELECT fingerprint FROM workaday_attempts INDEXED BY workaday_attempts_errors WHERE fingerprint > :after ORDER BY fingerprint LIMIT 1;
