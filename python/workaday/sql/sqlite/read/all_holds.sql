-- all_holds: switch-offs, the newest first; :released 1 brings those already released as well.
SELECT rule, task, queue, where_args, reason, owner, until, created_at, released_at FROM workaday_holds
WHERE :released OR released_at IS NULL ORDER BY rule DESC LIMIT :limit;
