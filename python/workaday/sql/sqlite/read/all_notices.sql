-- all_notices: what was sent to whom, the newest first; :failing 1 brings only those that failed, once or for good.
SELECT key, id, route, kind, code, matter, alert, count, first_at, last_at, state, tries, next_at, body, last_error, created_at, ended_at
FROM workaday_notices WHERE key < :before AND (:failing = 0 OR last_error IS NOT NULL) ORDER BY key DESC LIMIT :limit;
