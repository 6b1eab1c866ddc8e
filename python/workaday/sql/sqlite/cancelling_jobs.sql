-- cancelling_jobs: running jobs that somebody asked to cancel, the oldest request first. Index: workaday_jobs_cancelling.
SELECT key, fence FROM workaday_jobs INDEXED BY workaday_jobs_cancelling
WHERE cancel_requested_at IS NOT NULL AND state = 'running' ORDER BY cancel_requested_at, key LIMIT :limit;
