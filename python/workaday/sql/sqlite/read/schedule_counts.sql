-- schedule_counts: schedules by how they stand, and the oldest that waits to be decided.
SELECT count(*) FILTER (WHERE state = 'active' AND paused_at IS NULL AND next_at IS NOT NULL),
  count(*) FILTER (WHERE state = 'active' AND paused_at IS NOT NULL),
  count(*) FILTER (WHERE state = 'active' AND paused_at IS NULL AND next_at IS NULL),
  count(*) FILTER (WHERE state = 'absent'), count(*) FILTER (WHERE state = 'broken'),
  min(next_at) FILTER (WHERE state = 'active' AND next_at IS NOT NULL)
FROM workaday_schedules;
