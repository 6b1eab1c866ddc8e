-- prune_logs: lines past retention between two places. The primary key; an index on the time would be written with every line.
DELETE FROM workaday_logs
WHERE (job, fence, seq) > (:job, :fence, :seq) AND (job, fence, seq) <= (:last_job, :last_fence, :last_seq) AND at < :before;
