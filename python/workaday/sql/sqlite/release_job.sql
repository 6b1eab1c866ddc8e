-- release_job: clears the mark of one job and its counts, so that it starts afresh.
UPDATE workaday_jobs SET held = NULL, held_rule = NULL, crash_count = 0, suspect_count = 0, rescue_count = 0
WHERE key = :key AND held IS NOT NULL;
