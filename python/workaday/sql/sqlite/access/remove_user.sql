-- remove_user: he may not come in again.
DELETE FROM workaday_users WHERE name = :name;
