-- 0008_pages, undone: the groups of errors and the mutes are lost.
DROP TABLE workaday_mutes;
DROP INDEX workaday_attempts_errors;
ALTER TABLE workaday_attempts DROP COLUMN fingerprint;
