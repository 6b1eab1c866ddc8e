-- mark_error: which error a failed attempt was; right after record_attempt.
UPDATE workaday_attempts SET fingerprint = :fingerprint WHERE job = :job AND fence = :fence;
