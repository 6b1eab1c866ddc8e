-- freeze_notice: its body is written; from here on each try sends the same.
UPDATE workaday_notices SET body = :body WHERE key = :key AND state = 'waiting' AND body IS NULL;
