-- prune_links: links that nobody used in time.
DELETE FROM workaday_links WHERE ends_at <= :now;
