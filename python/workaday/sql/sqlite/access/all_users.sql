-- all_users: who may come in by password.
SELECT name, role, password, created_by, created_at FROM workaday_users ORDER BY name LIMIT 1000;
