-- end_notice: it was sent, failed for good, or has nobody to go to.
UPDATE workaday_notices SET state = :state, tries = tries + :tried, last_error = :error, ended_at = :now WHERE key = :key AND state = 'waiting';
