-- break_schedule: a schedule that cannot run as it stands; its cursor stays, so that its catch-up decides what it lost.
UPDATE workaday_schedules SET state = 'broken', broken_reason = :reason, next_at = NULL, updated_at = :now WHERE name = :name;
