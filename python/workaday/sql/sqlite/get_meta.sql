-- get_meta: one value of the store about itself.
SELECT value FROM workaday_meta WHERE name = :name;
