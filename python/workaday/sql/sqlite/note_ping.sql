-- note_ping: the running job has a receiver outside: that of its schedule, or of its command. Guarded by the fence, as the settlement is.
-- A declaration that is no JSON has no receiver: a ping never stands in the way of a job.
INSERT INTO workaday_pings (name, url, kind, job, job_id, at, next_at)
SELECT name, url, :kind, job, job_id, :now, :now FROM (
  SELECT told.name AS name, CASE WHEN json_valid(told.declared) THEN json_extract(told.declared, '$.ping') END AS url, job.key AS job, job.id AS job_id
  FROM workaday_jobs AS job JOIN workaday_schedules AS told ON told.name = job.schedule WHERE job.key = :key AND job.fence = :fence AND job.state = 'running'
  UNION
  SELECT told.name, CASE WHEN json_valid(told.entry) THEN json_extract(told.entry, '$.ping') END, job.key, job.id
  FROM workaday_jobs AS job JOIN workaday_tasks AS told ON told.name = job.task AND told.lane = 'command' WHERE job.key = :key AND job.fence = :fence AND job.state = 'running'
) WHERE typeof(url) = 'text';
