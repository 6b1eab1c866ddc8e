-- record_attempt: the evidence of one ended claim, after the job row has moved on in the same transaction.
INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, cpu_us,
  memory_peak_kib, error, cause, child, release, log_lines, log_dropped_bytes, evidence, unexpected)
VALUES (:job, :fence, :attempt, :outcome, :claimed_at, :started_at, :now, :waited_us, :ran_us, :cpu_us,
  :memory_peak_kib, :error, :cause, :child, :release, :log_lines, :log_dropped_bytes, :evidence, :unexpected);
