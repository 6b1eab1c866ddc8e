-- delay_ping: a try failed.
UPDATE workaday_pings SET tries = tries + 1, last_error = :error, next_at = :next_at WHERE key = :key AND state = 'waiting';
