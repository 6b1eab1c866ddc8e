-- one_user: a user by name.
SELECT name, role, password, created_by, created_at FROM workaday_users WHERE name = :name;
