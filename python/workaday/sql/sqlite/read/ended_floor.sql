-- ended_floor: the instant and key that end a look at :look finished jobs of one state. Index only: workaday_finished_at.
SELECT finished_at, key FROM workaday_finished INDEXED BY workaday_finished_at
WHERE state = :state AND finished_at <= :before AND (finished_at < :before OR key < :before_key)
ORDER BY finished_at DESC, key DESC LIMIT 1 OFFSET :look;
