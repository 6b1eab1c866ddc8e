-- unfinished_count: how many jobs are not finished. Without a condition SQLite adds up the pages of an index, not its entries.
SELECT count(*) FROM workaday_jobs;
