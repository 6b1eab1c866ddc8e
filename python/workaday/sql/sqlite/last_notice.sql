-- last_notice: the last one of a matter that went out, or is going out. Index: workaday_notices_matter.
SELECT kind, coalesce(ended_at, created_at) FROM workaday_notices
WHERE route = :route AND code = :code AND matter = :matter AND (state = 'sent' OR (state = 'waiting' AND body IS NOT NULL)) ORDER BY key DESC LIMIT 1;
