-- last_error: how the newest attempt of a job ended that has something to say.
SELECT outcome, error FROM workaday_attempts WHERE job = :key ORDER BY fence DESC LIMIT 1;
