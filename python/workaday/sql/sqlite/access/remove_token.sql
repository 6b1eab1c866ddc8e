-- remove_token: it opens nothing from now on.
DELETE FROM workaday_tokens WHERE name = :name;
