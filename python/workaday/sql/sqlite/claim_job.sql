-- claim_job: available to running, for one job whose fence the caller has read in this transaction. No row: no longer claimable.
-- A key that is unique only while waiting is given up here and never retaken. RETURNING would build a table for its one
-- row at every claim (a third of the cost, measured), so the fence comes in.
UPDATE OR FAIL workaday_jobs SET state = 'running', attempt = attempt + 1, fence = :fence + 1,
  generation = :generation, worker = :worker, claimed_at = :now,
  unique_held = unique_held AND unique_while IS NOT 'waiting'
WHERE key = :key AND fence = :fence AND state = 'available' AND held IS NULL;
