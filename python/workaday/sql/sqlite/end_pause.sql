-- end_pause: the pause ends now. The engine records what came in it, and takes the pause away.
UPDATE workaday_schedules SET paused_until = :now, next_at = :now, updated_at = :now WHERE name = :name AND paused_at IS NOT NULL;
