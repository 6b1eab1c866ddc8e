-- unfinished_arguments: task and arguments of every unfinished job, a page at a time: what new code will have to take.
SELECT key, id, task, args FROM workaday_jobs WHERE key > :after ORDER BY key LIMIT :limit;
