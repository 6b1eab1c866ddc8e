-- remove_backup: the file was deleted by rotation.
UPDATE workaday_backups SET removed_at = :now WHERE path = :path AND removed_at IS NULL;
