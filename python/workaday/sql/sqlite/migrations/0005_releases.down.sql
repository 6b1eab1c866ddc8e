-- 0005_releases, undone.
DROP TABLE workaday_rehearsals;
DROP TABLE workaday_release_steps;
DROP INDEX workaday_releases_open;
DROP TABLE workaday_releases;
DROP INDEX workaday_backups_sha256;
DROP TABLE workaday_backups;
DROP TABLE workaday_baselines;
