-- measures: every series from :from to before :to, minute by minute. Filters that are NULL ask nothing.
SELECT minute, kind, name, release, count, errors, unexpected, refused, cache_hits, cache_misses,
  run_us, wait_us, cpu_us, memory_kib, db_calls, db_us, http_calls, http_us, response_bytes, statements
FROM workaday_measures
WHERE minute >= :from AND minute < :to AND (:kind IS NULL OR kind = :kind) AND (:name IS NULL OR name = :name)
  AND (:release IS NULL OR release = :release)
ORDER BY minute, kind, name, release;
