-- put_measure: one minute of one series, whole: the caller has read what was there and added to it in the same transaction.
INSERT OR REPLACE INTO workaday_measures (minute, kind, name, release, count, errors, unexpected, refused, cache_hits, cache_misses,
  run_us, wait_us, cpu_us, memory_kib, db_calls, db_us, http_calls, http_us, response_bytes, statements)
VALUES (:minute, :kind, :name, :release, :count, :errors, :unexpected, :refused, :cache_hits, :cache_misses,
  :run_us, :wait_us, :cpu_us, :memory_kib, :db_calls, :db_us, :http_calls, :http_us, :response_bytes, :statements);
