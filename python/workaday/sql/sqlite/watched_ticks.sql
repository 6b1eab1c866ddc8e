-- watched_ticks: ticks whose job should have started, or finished, by now; with how far the job is.
SELECT t.schedule, t.at, t.job_id, t.start_by, t.finish_by, j.fence, j.state, f.fence, f.finished_at, f.state
FROM (SELECT schedule, at FROM workaday_ticks WHERE start_by IS NOT NULL AND start_by <= :now
  UNION SELECT schedule, at FROM workaday_ticks WHERE finish_by IS NOT NULL AND finish_by <= :now LIMIT :limit) AS due
JOIN workaday_ticks AS t ON t.schedule = due.schedule AND t.at = due.at
LEFT JOIN workaday_jobs AS j ON j.id = t.job_id
LEFT JOIN workaday_finished AS f ON f.id = t.job_id;
