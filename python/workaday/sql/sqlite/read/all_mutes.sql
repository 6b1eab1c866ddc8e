-- all_mutes: errors that somebody knows of.
SELECT fingerprint, muted_at, who, note, release, until FROM workaday_mutes ORDER BY fingerprint LIMIT :limit;
