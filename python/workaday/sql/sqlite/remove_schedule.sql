-- remove_schedule: a dynamic schedule ends. Its ledger, and its cursor, stay until they are pruned.
UPDATE workaday_schedules SET state = 'absent', broken_reason = NULL, next_at = NULL, paused_at = NULL, paused_until = NULL,
  pause_note = NULL, updated_at = :now WHERE name = :name AND source = 'dynamic' AND state <> 'absent';
