-- one_link: a link that still opens, looked at without using it up.
SELECT who, role FROM workaday_links WHERE hash = :hash AND ends_at > :now;
