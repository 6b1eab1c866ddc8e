-- unfinished_floor: the key that ends a look at :look unfinished jobs.
SELECT key FROM workaday_jobs WHERE key < :before ORDER BY key DESC LIMIT 1 OFFSET :look;
