-- take_link: uses a link up: the row goes in the same step, so nobody uses it twice.
DELETE FROM workaday_links WHERE hash = :hash AND ends_at > :now RETURNING who, role;
