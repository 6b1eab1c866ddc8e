-- move_cursor: a schedule after its ticks were decided. No row: another scheduler was there first, and nothing may be written.
UPDATE workaday_schedules SET cursor = :cursor, next_at = :next_at, skips = :skips,
  paused_at = CASE WHEN paused_until <= :now THEN NULL ELSE paused_at END,
  pause_note = CASE WHEN paused_until <= :now THEN NULL ELSE pause_note END,
  paused_until = CASE WHEN paused_until <= :now THEN NULL ELSE paused_until END
WHERE name = :name AND cursor = :known;
