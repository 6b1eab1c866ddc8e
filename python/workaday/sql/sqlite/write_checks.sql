-- write_checks: keeps what a run of the checklist found.
INSERT INTO workaday_checks (at, reds, warnings, unknowns, goods, checks)
VALUES (:at, :reds, :warnings, :unknowns, :goods, :checks);
