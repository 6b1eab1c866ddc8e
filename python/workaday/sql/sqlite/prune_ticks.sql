-- prune_ticks: the oldest part of the ledger past retention. Index: workaday_ticks_decided; the cursor, not the ledger, keeps a tick from running twice.
DELETE FROM workaday_ticks WHERE (schedule, at) IN (
  SELECT schedule, at FROM workaday_ticks INDEXED BY workaday_ticks_decided WHERE decided_at < :before ORDER BY decided_at LIMIT :limit);
