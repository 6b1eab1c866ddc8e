-- end_ping: it was sent, or failed for good.
UPDATE workaday_pings SET state = :state, tries = tries + 1, last_error = :error, ended_at = :now WHERE key = :key AND state = 'waiting';
