-- delay_notice: a try failed, or the route has sent enough for now.
UPDATE workaday_notices SET tries = tries + :tried, last_error = coalesce(:error, last_error), next_at = :next_at WHERE key = :key AND state = 'waiting';
