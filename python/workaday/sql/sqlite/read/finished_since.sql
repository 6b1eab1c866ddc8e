-- finished_since: jobs of one state that finished since :since. Index only: workaday_finished_at.
SELECT count(*) FROM workaday_finished INDEXED BY workaday_finished_at WHERE state = :state AND finished_at >= :since;
