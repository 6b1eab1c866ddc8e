-- attempts_of: the record of every claim of one job that ended, in order.
SELECT fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, cpu_us, memory_peak_kib,
  error, cause, child, release, log_lines, log_dropped_bytes, evidence, unexpected
FROM workaday_attempts WHERE job = :job ORDER BY fence;
