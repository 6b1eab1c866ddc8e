-- log_after: where a step through the log lines ends: the last of :limit lines from a place on, or none. The primary key.
SELECT job, fence, seq FROM workaday_logs WHERE (job, fence, seq) > (:job, :fence, :seq)
ORDER BY job, fence, seq LIMIT 1 OFFSET :limit - 1;
