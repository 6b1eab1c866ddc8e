-- ended_floor: the instant that ends a look at :look finished jobs of one state. Index only: workaday_finished_at.
SELECT finished_at FROM workaday_finished INDEXED BY workaday_finished_at
WHERE state = :state AND finished_at < :before ORDER BY finished_at DESC LIMIT 1 OFFSET :look;
