-- next_watch: when to look next whether a tick's job has started, or finished. Indexes: workaday_ticks_start_by, workaday_ticks_finish_by.
SELECT min(at) FROM (SELECT min(start_by) AS at FROM workaday_ticks WHERE start_by IS NOT NULL
  UNION ALL SELECT min(finish_by) FROM workaday_ticks WHERE finish_by IS NOT NULL);
