-- due_pings: what may be sent now, the oldest first. Index: workaday_pings_due.
SELECT key, name, url, kind, job, job_id, at, state, tries, next_at, last_error, ended_at
FROM workaday_pings WHERE state = 'waiting' AND next_at <= :now ORDER BY key LIMIT :limit;
