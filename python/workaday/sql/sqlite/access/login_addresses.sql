-- login_addresses: from which addresses somebody came in under a name, since an instant and among the last :look lines of the audit.
SELECT DISTINCT iif(json_valid(detail), detail ->> '$.from', NULL) AS address
FROM workaday_audit
WHERE key > (SELECT coalesce(max(key), 0) FROM workaday_audit) - :look AND at >= :since AND action = 'login' AND target = :target
LIMIT :limit;
