-- jobs_of_task: unfinished jobs of a task in the order they were written; for tests, not for large stores.
SELECT id, args, state, attempt, held FROM workaday_jobs WHERE task = :task ORDER BY key;
