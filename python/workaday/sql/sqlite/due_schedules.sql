-- due_schedules: the schedules to decide now, the earliest first. Index: workaday_schedules_next.
SELECT name, task, declared, source, state, broken_reason, anchor, cursor, next_at, skips, paused_at, paused_until, pause_note,
  owner, reason, created_at, updated_at, runs, failures FROM workaday_schedules INDEXED BY workaday_schedules_next
WHERE next_at IS NOT NULL AND state = 'active' AND next_at <= :now ORDER BY next_at LIMIT :limit;
