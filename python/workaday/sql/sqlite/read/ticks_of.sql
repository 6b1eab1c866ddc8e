-- ticks_of: what became of a schedule's ticks, the newest first.
SELECT t.at, t.until, t.count, t.reason, t.job_id, t.late, t.nominal, t.offset_s, t.merged, t.decided_at, coalesce(j.state, f.state)
FROM workaday_ticks AS t LEFT JOIN workaday_jobs AS j ON j.id = t.job_id LEFT JOIN workaday_finished AS f ON f.id = t.job_id
WHERE t.schedule = :schedule AND t.at < :before ORDER BY t.at DESC LIMIT :limit;
