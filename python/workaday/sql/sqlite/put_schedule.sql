-- put_schedule: writes a schedule as decided by core; what people set (pause, owner) stays as it is.
INSERT INTO workaday_schedules (name, task, declared, source, state, broken_reason, anchor, cursor, next_at, owner, reason, created_at, updated_at)
VALUES (:name, :task, :declared, :source, :state, :broken_reason, :anchor, :cursor, :next_at, :owner, :reason, :now, :now)
ON CONFLICT (name) DO UPDATE SET task = excluded.task, declared = excluded.declared, source = excluded.source, state = excluded.state,
  broken_reason = excluded.broken_reason, anchor = excluded.anchor, cursor = max(cursor, excluded.cursor), next_at = excluded.next_at,
  owner = coalesce(excluded.owner, owner), reason = coalesce(excluded.reason, reason), updated_at = excluded.updated_at;
