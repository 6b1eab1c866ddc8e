-- record_attempt: the evidence of one ended claim, written before the job row goes on. No row: the claim is stale.
INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, cpu_us,
  memory_peak_kib, error, cause, child, release, log_lines, log_dropped_bytes)
SELECT key, fence, attempt, :outcome, claimed_at, :started_at, :now, :waited_us, :ran_us, :cpu_us,
  :memory_peak_kib, :error, :cause, :child, :release, :log_lines, :log_dropped_bytes
FROM workaday_jobs WHERE key = :key AND fence = :fence AND state = 'running';
