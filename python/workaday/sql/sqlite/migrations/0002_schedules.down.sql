-- 0002_schedules, undone: schedules and the ledger of ticks are lost; their jobs stay as plain jobs.
-- A job that waits for an earlier run of its schedule would wait for ever without one, so it becomes available.
UPDATE workaday_jobs SET state = 'available' WHERE state = 'pending' AND schedule IS NOT NULL;
DROP INDEX workaday_jobs_queued_ticks;
DROP INDEX workaday_jobs_schedule;
ALTER TABLE workaday_finished DROP COLUMN tick;
ALTER TABLE workaday_finished DROP COLUMN schedule;
ALTER TABLE workaday_jobs DROP COLUMN tick;
ALTER TABLE workaday_jobs DROP COLUMN schedule;
DROP TABLE workaday_ticks;
DROP TABLE workaday_schedules;
