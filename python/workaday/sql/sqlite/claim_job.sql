-- claim_job: available to running, for one job. No row: no longer claimable.
-- A key that is unique only while waiting is given up here and never retaken.
UPDATE workaday_jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1,
  generation = :generation, worker = :worker, claimed_at = :now,
  unique_held = unique_held AND unique_while IS NOT 'waiting'
WHERE key = :key AND state = 'available' AND held IS NULL
RETURNING fence;
