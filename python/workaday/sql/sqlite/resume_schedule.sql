-- resume_schedule: ticks again; what came in the pause was recorded first, up to the new cursor.
UPDATE workaday_schedules SET paused_at = NULL, paused_until = NULL, pause_note = NULL, cursor = max(cursor, :cursor),
  next_at = :next_at, updated_at = :now WHERE name = :name;
