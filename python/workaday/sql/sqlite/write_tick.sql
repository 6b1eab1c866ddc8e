-- write_tick: one decided tick, or a range of them. The primary key refuses a second decision.
INSERT INTO workaday_ticks (schedule, at, until, count, reason, job_id, late, nominal, offset_s, merged, decided_at, start_by, finish_by)
VALUES (:schedule, :at, :until, :count, :reason, :job_id, :late, :nominal, :offset_s, :merged, :now, :start_by, :finish_by);
