-- due_notices: what may be sent now, in the order in which it came up. Index: workaday_notices_due.
SELECT key, id, route, kind, code, matter, alert, count, first_at, last_at, state, tries, next_at, body, last_error, created_at, ended_at
FROM workaday_notices WHERE state = 'waiting' AND next_at <= :now ORDER BY key LIMIT :limit;
