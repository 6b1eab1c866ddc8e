-- write_hold: a switch-off begins. The engine judges it at its next claim.
INSERT INTO workaday_holds (task, queue, where_args, reason, owner, until, created_at)
VALUES (:task, :queue, :where_args, :reason, :owner, :until, :now);
