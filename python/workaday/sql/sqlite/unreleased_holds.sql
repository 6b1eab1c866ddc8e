-- unreleased_holds: rules of one task or one queue that nobody released yet, ended by time or not.
SELECT rule, task, queue, where_args, reason, owner, until FROM workaday_holds
WHERE released_at IS NULL AND task IS :task AND queue IS :queue ORDER BY rule;
