-- one_measure: one minute of one series, to be added to.
SELECT minute, kind, name, release, count, errors, unexpected, refused, cache_hits, cache_misses,
  run_us, wait_us, cpu_us, memory_kib, db_calls, db_us, http_calls, http_us, response_bytes, statements
FROM workaday_measures WHERE minute = :minute AND kind = :kind AND name = :name AND release = :release;
