-- active_holds: rules not released whose `until` has not passed.
SELECT rule, task, queue, where_args, reason, owner, until FROM workaday_holds
WHERE released_at IS NULL AND (until IS NULL OR until > :now) ORDER BY rule;
