-- finished_between: jobs of one state that finished in a span, counted up to :limit. Index only: workaday_finished_at.
SELECT count(*) FROM (SELECT 1 FROM workaday_finished INDEXED BY workaday_finished_at
  WHERE state = :state AND finished_at >= :since AND finished_at < :until LIMIT :limit);
