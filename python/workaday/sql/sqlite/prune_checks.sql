-- prune_checks: forgets all runs of the checklist but the newest.
DELETE FROM workaday_checks WHERE run <= (SELECT max(run) FROM workaday_checks) - :keep;
