-- all_pings: signs of life to receivers outside, the newest first; :failing 1 brings only those that failed, once or for good.
SELECT key, name, url, kind, job, job_id, at, state, tries, next_at, last_error, ended_at
FROM workaday_pings WHERE key < :before AND (:failing = 0 OR last_error IS NOT NULL) ORDER BY key DESC LIMIT :limit;
