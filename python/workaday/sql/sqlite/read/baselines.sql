-- baselines: baselines, the newest first; one of them when it is named.
SELECT name, since, before, captured_at, release, noticed FROM workaday_baselines WHERE :name IS NULL OR name = :name
ORDER BY captured_at DESC, name LIMIT :limit;
