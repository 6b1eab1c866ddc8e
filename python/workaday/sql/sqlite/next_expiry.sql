-- next_expiry: when the first waiting job expires. Index: workaday_jobs_expiring.
SELECT expires_at FROM workaday_jobs INDEXED BY workaday_jobs_expiring
WHERE expires_at IS NOT NULL AND state <> 'running' ORDER BY expires_at LIMIT 1;
