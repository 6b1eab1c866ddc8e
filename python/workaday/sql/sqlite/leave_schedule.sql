-- leave_schedule: a schedule that the code or the configuration no longer states. It is kept.
UPDATE workaday_schedules SET state = 'absent', broken_reason = NULL, next_at = NULL, updated_at = :now WHERE name = :name;
