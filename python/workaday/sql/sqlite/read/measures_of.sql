-- measures_of: one name from :from to before :to, minute by minute. Index: workaday_measures_series.
SELECT minute, kind, name, release, count, errors, unexpected, refused, cache_hits, cache_misses,
  run_us, wait_us, cpu_us, memory_kib, db_calls, db_us, http_calls, http_us, response_bytes, statements
FROM workaday_measures INDEXED BY workaday_measures_series
WHERE kind = :kind AND name = :name AND minute >= :from AND minute < :to AND (:release IS NULL OR release = :release)
ORDER BY minute, release;
