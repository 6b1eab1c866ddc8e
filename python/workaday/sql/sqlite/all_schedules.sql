-- all_schedules: every schedule of every source, with how it stands.
SELECT name, task, declared, source, state, broken_reason, anchor, cursor, next_at, skips, paused_at, paused_until, pause_note,
  owner, reason, created_at, updated_at, runs, failures FROM workaday_schedules ORDER BY name;
