-- delete_finished: one finished job, by hand.
DELETE FROM workaday_finished WHERE key = :key;
