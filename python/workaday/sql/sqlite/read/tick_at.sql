-- tick_at: the ledger's row that holds this instant, if it was decided.
SELECT at, until, count, reason, job_id, late, nominal, offset_s, merged, decided_at, NULL FROM workaday_ticks
WHERE schedule = :schedule AND at <= :at AND until >= :at ORDER BY at DESC LIMIT 1;
