-- seen_tick: what was looked at is not looked at again.
UPDATE workaday_ticks SET start_by = CASE WHEN start_by <= :now THEN NULL ELSE start_by END,
  finish_by = CASE WHEN finish_by <= :now THEN NULL ELSE finish_by END
WHERE schedule = :schedule AND at = :at;
