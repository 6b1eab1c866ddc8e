-- finished_floor: the key that ends a look at :look finished jobs.
SELECT key FROM workaday_finished WHERE key < :before ORDER BY key DESC LIMIT 1 OFFSET :look;
