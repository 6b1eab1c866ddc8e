-- put_token: a token, known by its hash only; a name is used once.
INSERT INTO workaday_tokens (name, hash, role, scopes, created_by, created_at, expires_at)
VALUES (:name, :hash, :role, :scopes, :created_by, :now, :expires_at) ON CONFLICT (name) DO NOTHING;
