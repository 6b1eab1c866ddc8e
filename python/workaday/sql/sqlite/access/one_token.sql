-- one_token: a token by its hash.
SELECT name, role, scopes, created_by, created_at, expires_at, used_at FROM workaday_tokens WHERE hash = :hash;
