-- pause_schedule: no ticks from now on, until then or until somebody resumes it.
UPDATE workaday_schedules SET paused_at = :now, paused_until = :until, pause_note = :note, next_at = :until, updated_at = :now WHERE name = :name;
