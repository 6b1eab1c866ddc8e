-- one_schedule: a schedule by its name.
SELECT name, task, declared, source, state, broken_reason, anchor, cursor, next_at, skips, paused_at, paused_until, pause_note,
  owner, reason, created_at, updated_at, runs, failures FROM workaday_schedules WHERE name = :name;
