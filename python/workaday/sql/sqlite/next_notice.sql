-- next_notice: when the next notice or ping wants to go out.
SELECT min(at) FROM (SELECT min(next_at) AS at FROM workaday_notices WHERE state = 'waiting' UNION ALL SELECT min(next_at) FROM workaday_pings WHERE state = 'waiting');
