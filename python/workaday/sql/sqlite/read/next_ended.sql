-- next_ended: when the first job of one state ended, at :from or later. Index only: workaday_finished_at.
SELECT finished_at FROM workaday_finished INDEXED BY workaday_finished_at
WHERE state = :state AND finished_at >= :from ORDER BY finished_at LIMIT 1;
