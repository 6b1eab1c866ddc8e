-- write_audit: who did what by hand, and why; in the same transaction as the act.
INSERT INTO workaday_audit (at, who, action, target, why, detail) VALUES (:now, :who, :action, :target, :why, :detail);
