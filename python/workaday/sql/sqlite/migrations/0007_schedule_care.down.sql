-- 0007_schedule_care, undone.
ALTER TABLE workaday_schedules DROP COLUMN failures;
ALTER TABLE workaday_schedules DROP COLUMN runs;
