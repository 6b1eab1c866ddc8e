-- add_schedule: a dynamic schedule, unless the name is taken by one that stands. It begins now; the engine finds its first tick.
-- One that was taken away under this name keeps its cursor if that lies ahead: a tick is decided once.
INSERT INTO workaday_schedules (name, task, declared, source, state, anchor, cursor, next_at, owner, reason, created_at, updated_at)
VALUES (:name, :task, :declared, 'dynamic', 'active', :now, :now, :now, :owner, :reason, :now, :now)
ON CONFLICT (name) DO UPDATE SET task = excluded.task, declared = excluded.declared, source = 'dynamic', state = 'active',
  broken_reason = NULL, anchor = excluded.anchor, cursor = max(cursor, excluded.cursor), next_at = excluded.next_at, skips = 0,
  paused_at = NULL, paused_until = NULL, pause_note = NULL, owner = excluded.owner, reason = excluded.reason,
  created_at = excluded.created_at, updated_at = excluded.updated_at, runs = '[]', failures = 0
WHERE state = 'absent';
