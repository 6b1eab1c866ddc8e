-- drop_gathering: what would have been repeated is over.
UPDATE workaday_notices SET state = 'dropped', ended_at = :now
WHERE route = :route AND code = :code AND matter = :matter AND kind = 'raised' AND state = 'waiting' AND body IS NULL;
