-- set_lane: corrects the lane of a waiting job whose task has changed its kind.
UPDATE workaday_jobs SET lane = :lane WHERE key = :key AND state <> 'running' AND lane <> :lane;
