-- removals_since: the newest line of the audit after :after, and whether jobs left history by hand since: retried, deleted.
SELECT coalesce(max(key), :after), coalesce(max(action = 'retry'), 0), coalesce(max(action = 'delete'), 0)
FROM workaday_audit WHERE key > :after;
