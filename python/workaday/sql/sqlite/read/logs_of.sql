-- logs_of: lines of one job after (fence, seq), in order: asked again from its own last line, it follows.
SELECT fence, seq, at, stream, level, logger, text FROM workaday_logs
WHERE job = :job AND (fence, seq) > (:fence, :seq) ORDER BY fence, seq LIMIT :limit;
