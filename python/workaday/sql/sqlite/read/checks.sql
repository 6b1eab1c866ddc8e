-- checks: runs of the checklist, the newest first.
SELECT run, at, reds, warnings, unknowns, goods, checks FROM workaday_checks ORDER BY run DESC LIMIT :limit;
