-- series: which series there are, and from which minute to which.
SELECT kind, name, release, first_minute, last_minute FROM workaday_series
WHERE last_minute >= :from AND first_minute < :to AND (:kind IS NULL OR kind = :kind)
ORDER BY kind, name, first_minute, release;
