-- 0007_schedule_care: what schedules learn of their runs.
-- Only widens: a program of schema 6 decides ticks as before; it learns nothing.

-- JSON: the newest completed runs in microseconds, the oldest first. From them comes what a run is expected to take.
ALTER TABLE workaday_schedules ADD COLUMN runs TEXT NOT NULL DEFAULT '[]';
-- Runs that failed in a row.
ALTER TABLE workaday_schedules ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
