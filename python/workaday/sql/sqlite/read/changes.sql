-- changes: marks that move when a part of the store does, each from an index or a short table; for pages that follow.
SELECT (SELECT max(key) FROM workaday_jobs),
       (SELECT max(finished_at) FROM workaday_finished WHERE state = 'completed'),
       (SELECT max(finished_at) FROM workaday_finished WHERE state = 'discarded'),
       (SELECT max(finished_at) FROM workaday_finished WHERE state = 'cancelled'),
       (SELECT count(*) FROM workaday_jobs WHERE state = 'running'),
       (SELECT min(run_at) FROM workaday_jobs WHERE state IN ('scheduled', 'retryable') AND held IS NULL),
       (SELECT max(max(last_at), coalesce(max(closed_at), 0)) FROM workaday_alerts),
       (SELECT max(updated_at) FROM workaday_schedules),
       (SELECT max(decided_at) FROM workaday_ticks),
       (SELECT max(rule) + count(released_at) FROM workaday_holds),
       (SELECT max(worker) + count(ended_at) FROM workaday_workers),
       (SELECT max(updated_at) FROM workaday_tasks),
       (SELECT seq FROM sqlite_sequence WHERE name = 'workaday_audit'),
       (SELECT release + started_at + coalesce(ended_at, 0) + (
          SELECT coalesce(sum(began_at + coalesce(ended_at, 0)), 0) FROM workaday_release_steps AS step WHERE step.release = newest.release
        ) FROM workaday_releases AS newest ORDER BY release DESC LIMIT 1),
       (SELECT sum(seq) FROM sqlite_sequence WHERE name IN ('workaday_backups', 'workaday_rehearsals', 'workaday_checks'));
