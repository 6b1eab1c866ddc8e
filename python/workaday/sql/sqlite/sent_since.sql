-- sent_since: how many notices of a route went out since an instant, and when the first of them did. Index: workaday_notices_ended.
SELECT count(*), min(ended_at) FROM workaday_notices WHERE ended_at > :since AND route = :route AND state = 'sent';
