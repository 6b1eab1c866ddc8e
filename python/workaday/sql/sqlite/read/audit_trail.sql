-- audit_trail: who did what by hand, the newest first.
SELECT key, at, who, action, target, why, detail FROM workaday_audit WHERE key < :before ORDER BY key DESC LIMIT :limit;
