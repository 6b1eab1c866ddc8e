-- expired_jobs: waiting jobs past their expires_at, the earliest first. Index: workaday_jobs_expiring.
SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_expiring
WHERE expires_at IS NOT NULL AND state <> 'running' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;
