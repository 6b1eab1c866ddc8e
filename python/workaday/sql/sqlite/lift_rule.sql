-- lift_rule: clears marks of one rule, a few at a time. Index: workaday_jobs_held.
UPDATE workaday_jobs SET held = NULL, held_rule = NULL WHERE key IN (
  SELECT key FROM workaday_jobs INDEXED BY workaday_jobs_held WHERE held = 'paused' AND held_rule = :rule LIMIT :limit);
