-- append_log: one line of one attempt. The same line again changes nothing, so a repeated batch is safe.
INSERT INTO workaday_logs (job, fence, seq, at, stream, level, logger, text)
VALUES (:job, :fence, :seq, :at, :stream, :level, :logger, :text) ON CONFLICT DO NOTHING;
