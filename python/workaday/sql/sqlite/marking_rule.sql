-- marking_rule: the next rule after :rule that marks a job, and whether it has ended. Index: workaday_jobs_held.
-- Walks from the marks, not from the rules: marks are few, released rules stay for ever. A rule that is gone has ended.
SELECT job.held_rule, hold.rule IS NULL OR hold.released_at IS NOT NULL OR coalesce(hold.until <= :now, 0)
FROM (SELECT held_rule FROM workaday_jobs INDEXED BY workaday_jobs_held
      WHERE held = 'paused' AND held_rule > :rule ORDER BY held_rule LIMIT 1) AS job
LEFT JOIN workaday_holds AS hold ON hold.rule = job.held_rule;
