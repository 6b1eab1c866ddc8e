-- put_user: a user with a password; the same name again changes role and password.
INSERT INTO workaday_users (name, role, password, created_by, created_at) VALUES (:name, :role, :password, :created_by, :now)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password;
